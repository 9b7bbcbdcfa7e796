// Lets a person draw a signature beside the code, if they like: shows the field, and puts its lines into the form.
import SignaturePad from "./vendor/signature_pad.js";

const WIDTH = 1000;
const HEIGHT = 300;
const CHARACTERS_MAX = 20_000;

function start(box) {
  const canvas = box.querySelector("canvas");
  const field = box.querySelector("input[name=stroke]");
  const pad = new SignaturePad(canvas, { penColor: "#12194d", minWidth: 1, maxWidth: 2.2 });
  box.hidden = false;

  function fit() {
    const ratio = window.devicePixelRatio || 1;
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = canvas.clientHeight * ratio;
    canvas.getContext("2d").scale(ratio, ratio);
    show();
  }

  function show() {
    pad.clear();
    const lines = field.value ? JSON.parse(field.value) : [];
    pad.fromData(lines.map((line) => ({
      points: line.flatMap((x, place) => (place % 2 ? [] : [{
        x: (x * canvas.clientWidth) / WIDTH, y: (line[place + 1] * canvas.clientHeight) / HEIGHT, pressure: 0.5, time: 0,
      }])),
    })));
  }

  function keep() {
    const unit = (value, size, whole) => Math.max(0, Math.min(whole, Math.round((value * whole) / size)));
    const whole = pad.toData().map((group) => group.points.map(
      (point) => [unit(point.x, canvas.clientWidth, WIDTH), unit(point.y, canvas.clientHeight, HEIGHT)],
    ));
    // A long drawing is thinned out until it fits; its look stays.
    for (let step = 1, text; step <= 64; step *= 2) {
      text = JSON.stringify(whole.map((line) => line.filter((_, at) => at % step === 0 || at === line.length - 1).flat()));
      if (text.length <= CHARACTERS_MAX) { field.value = whole.length ? text : ""; return; }
    }
    pad.clear();
    field.value = "";
  }

  pad.addEventListener("endStroke", keep);
  box.querySelector("button").addEventListener("click", () => { pad.clear(); field.value = ""; });
  window.addEventListener("resize", fit);
  fit();
}

for (const box of document.querySelectorAll("[data-stroke]")) start(box);
