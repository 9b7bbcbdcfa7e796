/** <fenqi-offers>: offers as cards to choose from. Computes nothing; fenqi.web says how it is used. */
const TEXTS = {
 "zh-CN":{
  "title":"分期付款",
  "group":"选择分期方案",
  "schedule":"还款计划",
  "open":"明细",
  "waiting":"正在更新分期方案…",
  "failed":"分期方案暂时无法显示，请稍后再试。",
  "empty":"此金额暂无可选的分期方案。",
  "updated":"分期方案已更新：{head}",
  "count":"{n} 期",
  "count_one":"{n} 期",
  "odd_first":"首期 {money}",
  "odd_last":"末期 {money}",
  "range":"{n} 期，首期 {first}，末期 {last}",
  "yearly":"年化 {rate}",
  "apr":"年化 {rate}",
  "cost":"总成本 {money}",
  "payable":"共付 {money}",
  "per_month":"每月一期",
  "per_half_month":"每半月一期",
  "per_week":"每周一期",
  "per_months":"每 {n} 个月一期",
  "per_weeks":"每 {n} 周一期",
  "per_days":"每 {n} 天一期",
  "term_amount":"商品价款",
  "term_down_payment":"首付",
  "term_method":"还款方式",
  "term_annual_rate":"年利率",
  "term_annual_rate_before":"年利率（贴息前）",
  "term_fee_rate":"每期费率（按分期本金）",
  "term_up_front_paid":"一次性费用（签约时支付）",
  "term_up_front_financed":"一次性费率（计入分期）",
  "term_installment_fee":"每期固定费用",
  "term_cost":"综合融资成本（全部利息与费用）",
  "term_payable":"应付总额（含首付）",
  "term_yearly":"年化综合融资成本",
  "term_apr":"年百分率（APR，含全部费用）",
  "term_cash_back":"还清后返现",
  "term_early":"提前结清",
  "term_late":"逾期成本",
  "term_lender":"资金方",
  "early":"提前归还本金的 {rate}，不超过免收的利息",
  "late":"逾期金额的年利率 {rate}，逐日计收",
  "nothing":"不收取费用",
  "number":"期次",
  "due_on":"还款日",
  "principal":"本金",
  "interest":"利息",
  "fee":"费用",
  "total":"应还",
  "equal_installments":"等额本息",
  "equal_principal":"等额本金",
  "flat_fee":"等本等费",
  "interest_only":"先息后本",
  "bullet":"到期一次还本付息",
  "legal_estimate":"以上为试算，不是授信承诺；还款日和金额以签署的合同为准。请按还款能力理性借贷。",
  "date":"{y}年{m}月{d}日",
  "months":"",
  "CNY":"¥",
  "JPY":"JP¥",
  "USD":"US$",
  "EUR":"€",
  "GBP":"£",
  "HKD":"HK$",
  "TWD":"NT$",
  "legal_CN":"年化综合融资成本按全部利息和费用计算，除以上列明的项目外不收取其他费用；逾期可能影响您的征信记录。",
  "legal_EU":"请注意：借钱需要付出成本。",
  "legal_UK":"逾期还款可能产生费用，并影响您日后获得信贷。须通过资格与还款能力审核。",
  "legal_US":"APR（年百分率）是以年利率表示的信贷成本；总成本是信贷让您多付的金额。"
 },
 "zh-TW":{
  "group":"選擇分期方案",
  "schedule":"還款計畫",
  "open":"明細",
  "failed":"分期方案暫時無法顯示，請稍後再試。",
  "empty":"此金額暫無可選的分期方案。",
  "cost":"總成本 {money}",
  "per_week":"每週一期",
  "per_months":"每 {n} 個月一期",
  "per_weeks":"每 {n} 週一期",
  "term_amount":"商品價款",
  "term_down_payment":"頭期款",
  "term_method":"還款方式",
  "term_annual_rate_before":"年利率（貼息前）",
  "term_fee_rate":"每期費率（按分期本金）",
  "term_up_front_paid":"一次性費用（簽約時支付）",
  "term_up_front_financed":"一次性費率（計入分期）",
  "term_installment_fee":"每期固定費用",
  "term_cost":"綜合融資成本（全部利息與費用）",
  "term_payable":"應付總額（含頭期款）",
  "term_yearly":"年化綜合融資成本",
  "term_apr":"總費用年百分率（APR）",
  "term_cash_back":"還清後返現",
  "term_early":"提前結清",
  "term_lender":"資金方",
  "early":"提前歸還本金的 {rate}，不超過免收的利息",
  "late":"逾期金額的年利率 {rate}，逐日計收",
  "nothing":"不收取費用",
  "due_on":"還款日",
  "fee":"費用",
  "total":"應還",
  "equal_installments":"本息平均攤還",
  "equal_principal":"本金平均攤還",
  "flat_fee":"等本等費",
  "interest_only":"按期付息、到期還本",
  "bullet":"到期一次還本付息",
  "legal_estimate":"以上為試算，不是授信承諾；還款日和金額以簽署的合約為準。請按還款能力理性借貸。",
  "CNY":"CN¥",
  "legal_CN":"年化綜合融資成本按全部利息和費用計算，除以上列明的項目外不收取其他費用；逾期可能影響您的徵信紀錄。",
  "legal_EU":"請注意：借錢需要付出成本。",
  "legal_UK":"逾期還款可能產生費用，並影響您日後獲得信貸。須通過資格與還款能力審核。",
  "legal_US":"APR（年百分率）是以年利率表示的信貸成本；總成本是信貸讓您多付的金額。"
 },
 "en":{
  "title":"Pay in installments",
  "group":"Choose an installment plan",
  "schedule":"Payment schedule",
  "open":"Schedule",
  "waiting":"Updating installment plans…",
  "failed":"Installment plans cannot be shown just now. Please try again later.",
  "empty":"No installment plan for this amount.",
  "updated":"Installment plans updated: {head}",
  "count":"{n} installments",
  "count_one":"{n} installment",
  "odd_first":"first {money}",
  "odd_last":"last {money}",
  "range":"{n} payments, first {first}, last {last}",
  "yearly":"{rate} a year",
  "apr":"{rate} APR",
  "cost":"Cost {money}",
  "payable":"In all {money}",
  "per_month":"monthly",
  "per_half_month":"twice a month",
  "per_week":"weekly",
  "per_months":"every {n} months",
  "per_weeks":"every {n} weeks",
  "per_days":"every {n} days",
  "term_amount":"Price of the goods",
  "term_down_payment":"Down payment",
  "term_method":"Repayment method",
  "term_annual_rate":"Interest rate a year",
  "term_annual_rate_before":"Interest rate a year, before subsidy",
  "term_fee_rate":"Fee per installment, of the amount financed",
  "term_up_front_paid":"One-time fee, paid at signing",
  "term_up_front_financed":"One-time fee, added to the installments",
  "term_installment_fee":"Fixed fee per installment",
  "term_cost":"Total cost of credit (all interest and fees)",
  "term_payable":"Total you pay (with any down payment)",
  "term_yearly":"All-in yearly cost",
  "term_apr":"APR (with all fees)",
  "term_cash_back":"Cash-back once repaid",
  "term_early":"Early settlement",
  "term_late":"Late payment",
  "term_lender":"Lender",
  "early":"{rate} of the principal repaid early, at most the interest saved",
  "late":"{rate} a year on the overdue amount, by the day",
  "nothing":"no charge",
  "number":"No.",
  "due_on":"Due date",
  "principal":"Principal",
  "interest":"Interest",
  "fee":"Fee",
  "total":"Payment",
  "equal_installments":"Equal installments",
  "equal_principal":"Equal principal",
  "flat_fee":"Equal principal, flat fee",
  "interest_only":"Interest only, principal at the end",
  "bullet":"Everything at the end",
  "legal_estimate":"This is an estimate, not a promise of credit; dates and amounts are those of the signed agreement. Borrow only what you can repay.",
  "date":"{b} {d}, {y}",
  "months":"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
  "CNY":"CN¥",
  "USD":"$",
  "legal_CN":"The yearly cost includes all interest and fees; nothing beyond the items listed is charged. Late payment may affect your credit record.",
  "legal_EU":"Caution! Borrowing money costs money.",
  "legal_UK":"Late payment may add charges and make it harder to get credit later. Subject to status and affordability checks.",
  "legal_US":"APR is the cost of your credit as a yearly rate; the cost is the dollar amount the credit will cost you."
 }
};

const STYLE = `
:host { display: block; min-inline-size: min(100%, 17em); }
:host([hidden]) { display: none; }
:host([theme="light"]) { color-scheme: light; }
:host([theme="dark"]) { color-scheme: dark; }
:host([theme="auto"]) { color-scheme: light dark; }

.fo {
  --fo-text: var(--fenqi-text, light-dark(#1b2421, #e7edea));
  --fo-muted: var(--fenqi-muted, light-dark(#55625d, #a3b0ab));
  --fo-background: var(--fenqi-background, light-dark(#fff, #161c1a));
  --fo-border: var(--fenqi-border, light-dark(#d5dcd9, #39443f));
  --fo-accent: var(--fenqi-accent, light-dark(#0b6b58, #63d2b8));
  --fo-chosen: var(--fenqi-chosen, light-dark(#eef7f4, #15302a));
  container-type: inline-size;
  font-variant-numeric: tabular-nums;
  line-height: 1.5;
}
.fo :is(p, label, details, summary, dl, dt, dd, table, thead, tbody, tr, th, td, input) { box-sizing: border-box; margin: 0; padding: 0; border: 0; background: none; color: inherit; font: inherit; }
.fo[inert] { opacity: 0.55; }
.fo bdi { overflow-wrap: anywhere; }
.fo .fo-head, .fo .fo-choice, .fo .fo-summary, .fo .fo-term { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 0 1em; }
.fo .fo-head { margin-block-end: 0.5em; }
.fo .fo-title, .fo .fo-payments, .fo .fo-total { font-weight: 600; }
.fo .fo-meta, .fo dt, .fo th { color: var(--fo-muted); }

.fo .fo-plans { display: grid; gap: 0.5em; }
.fo .fo-plan { min-inline-size: 0; padding-inline: 0.875em; border: 1px solid var(--fo-border); border-radius: var(--fenqi-radius, 0.75em); background: var(--fo-background); color: var(--fo-text); }
.fo .fo-plan:has(:checked) { border-color: var(--fo-accent); background: var(--fo-chosen); box-shadow: inset 0 0 0 1px var(--fo-accent); }
.fo .fo-choice { position: relative; gap: 0 0.75em; padding-block: 0.75em 0.125em; }
.fo label { padding-inline-start: 1.875em; cursor: pointer; }
.fo .fo-radio { position: absolute; inset-block-start: 0.9375em; inset-inline-start: 0; appearance: auto; inline-size: 1.125em; block-size: 1.125em; accent-color: var(--fo-accent); }
.fo .fo-payments { font-size: 1.0625em; }
.fo .fo-meta { flex-basis: 100%; }
.fo .fo-meta, .fo .fo-sums { display: flex; flex-wrap: wrap; gap: 0 0.875em; }
.fo .fo-meta, .fo .fo-more { font-size: 0.875em; }
.fo .fo-summary { min-block-size: 2.75em; padding-block: 0.25em 0.375em; list-style: none; cursor: pointer; }
.fo .fo-summary::-webkit-details-marker { display: none; }
.fo label + .fo-more .fo-sums { padding-inline-start: 2.1429em; }
.fo .fo-open { margin-inline-start: auto; color: var(--fo-accent); }
.fo .fo-open::after { content: ""; display: inline-block; inline-size: 0.4em; block-size: 0.4em; margin-inline: 0.5em 0.125em; border: solid; border-width: 0 1.5px 1.5px 0; transform: translateY(-0.2em) rotate(45deg); }
.fo [open] .fo-open::after { transform: rotate(225deg); }

.fo .fo-terms { padding-block: 0.625em; border-block-start: 1px solid var(--fo-border); }
.fo .fo-term { padding-block: 0.125em; }
.fo dd { margin-inline-start: auto; }
.fo .fo-schedule { inline-size: 100%; margin-block-end: 0.75em; border-collapse: collapse; }
.fo :is(th, td) { padding: 0.3125em 0; padding-inline-start: 0.75em; text-align: end; }
.fo th:first-child, .fo .fo-due_on { padding-inline-start: 0; text-align: start; }
.fo tbody tr { border-block-start: 1px solid var(--fo-border); }
.fo .fo-legal { margin-block-start: 0.625em; font-size: 0.8125em; }

.fo-live { position: absolute; inline-size: 1px; overflow: hidden; clip-path: inset(50%); }

@container (width < 30em) {
  .fo :is(table, tbody) { display: block; }
  .fo thead { position: absolute; inline-size: 1px; overflow: hidden; clip-path: inset(50%); }
  .fo tbody tr { position: relative; display: flex; flex-wrap: wrap; gap: 0 1em; padding: 0.375em 0; padding-inline-start: 2em; }
  .fo tbody tr::after { content: ""; order: 1; flex-basis: 100%; }
  .fo tbody :is(th, td) { padding: 0; text-align: start; }
  .fo tbody th { position: absolute; inset-inline-start: 0; }
  .fo tbody .fo-total { margin-inline-start: auto; }
  .fo td[data-label] { order: 2; color: var(--fo-muted); font-size: 0.9286em; }
  .fo td[data-label]::before { content: attr(data-label) " "; }
}
@media (forced-colors: active) {
  .fo .fo-plan:has(:checked) { outline: 2px solid Highlight; }
}
`;

// ISO 4217 decimals, where not 2. Intl has CLDR's, some a hundredfold off.
const DECIMALS = {
  0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
  3: "BHD IQD JOD KWD LYD OMR TND",
  4: "CLF UYW",
};

const decimalsOf = (currency) =>
  Number(Object.keys(DECIMALS).find((count) => DECIMALS[count].split(" ").includes(currency)) ?? 2);

function languageOf(tag) {
  const dashed = String(tag).replaceAll("_", "-");
  if (!/^zh\b/i.test(dashed)) return "en";
  return !/-hans\b/i.test(dashed) && /-(hant|tw|hk|mo)\b/i.test(dashed) ? "zh-TW" : "zh-CN";
}

const wordsOf = (language) => ({ ...TEXTS["zh-CN"], ...TEXTS[language] });

const fill = (template, values) => template.replace(/\{(\w+)\}/g, (_, key) => values[key]);

function moneyText({ minor, currency }, words) {
  if (!Number.isSafeInteger(minor) || !/^[A-Z]{3}$/.test(currency)) throw new TypeError("an amount is no money");
  const decimals = decimalsOf(currency);
  const digits = String(Math.abs(minor)).padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals).replace(/\B(?=(\d{3})+$)/g, ",");
  const rest = decimals ? `.${digits.slice(-decimals)}` : "";
  return (minor < 0 ? "-" : "") + (words[currency] ?? `${currency}\u00a0`) + whole + rest;
}

function rateText(fraction, exact) {
  const [, whole, part = ""] = /^(\d{1,6})(?:\.(\d+))?$/.exec(fraction) ?? [];
  if (whole === undefined) throw new TypeError("a rate is no decimal string");
  const digits = part.padEnd(5, "0");
  const text = String(BigInt(whole + digits.slice(0, 4)) + (!exact && digits[4] >= "5" ? 1n : 0n)).padStart(3, "0");
  return `${text.slice(0, -2)}.${text.slice(-2)}${exact ? digits.slice(4).replace(/0+$/, "") : ""}%`;
}

function dateText(day, words) {
  const [, y, m, d] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(day) ?? [];
  if (!(m >= 1 && m <= 12)) throw new TypeError("a due date is no date");
  return fill(words.date, { y, m: Number(m), b: words.months.split(" ")[m - 1], d: Number(d) });
}

function periodText(period, words) {
  const [, n, unit] = /^(?:(\d+) )?([a-z_]+?)s?$/.exec(period) ?? [];
  return fill(words[`per_${unit}${n ? "s" : ""}`] ?? period, { n });
}

/** What is paid: ["12 × ¥355.31", "末期 ¥355.28"]; the second if one differs by rounding. */
function paymentsText({ installments: rows, amount: { currency } }, words) {
  const money = (row) => moneyText({ minor: row.total, currency }, words);
  const groups = [];
  for (const row of rows) {
    if (groups.at(-1)?.[0].total === row.total) groups.at(-1).push(row);
    else groups.push([row]);
  }
  const [few, many] = [...groups].sort((a, b) => a.length - b.length);
  if (groups.length === 2 && few.length === 1 && many.length > 1) {
    const [[odd], [regular]] = [few, many];
    if (Math.abs(odd.total - regular.total) <= rows.length) {
      const place = few === groups[0] ? words.odd_first : words.odd_last;
      return [`${rows.length} × ${money(regular)}`, fill(place, { money: money(odd) })];
    }
  }
  if (groups.length <= 3) return [groups.map((group) => `${group.length} × ${money(group[0])}`).join(" + "), ""];
  return [fill(words.range, { n: rows.length, first: money(rows[0]), last: money(rows.at(-1)) }), ""];
}

/** An element of class and part `name`; data stays text, never markup. */
function make(tag, name, attributes, ...children) {
  const element = document.createElement(tag);
  if (name) {
    element.className = `fo-${name}`;
    element.setAttribute("part", name);
  }
  for (const [key, value] of Object.entries(attributes ?? {})) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const chunk = (text, name) => make("bdi", name, null, text);
const spaced = (nodes) => nodes.flatMap((node, index) => (index ? [" ", node] : [node]));
const packOf = ({ plan }) => (TEXTS.en[`legal_${plan.disclosure}`] ? plan.disclosure : "CN");
const yearlyOf = (offer) => (packOf(offer) === "CN" ? "yearly" : "apr");

function termsOf(offer, words, lender) {
  const { plan, amount } = offer;
  const money = (value) => (value?.minor ? moneyText(value, words) : "");
  const rate = (text, pattern = "{rate}", none = "") =>
    (/[1-9]/.test(text ?? "") ? fill(pattern, { rate: rateText(text, true) }) : none);
  const method = plan.method ?? "equal_installments";
  const before = Object.keys(plan.subsidy_bps ?? {}).length ? "_before" : "";
  const rows = [
    ["amount", moneyText(amount, words)],
    ["down_payment", money(offer.down_payment)],
    ["method", words[method] ?? method],
    [`annual_rate${before}`, rate(plan.annual_rate)],
    ["fee_rate", rate(plan.fee_rate)],
    ["up_front_paid", money(offer.up_front_fee)],
    ["up_front_financed", plan.up_front_fee === "financed" ? rate(plan.up_front_fee_rate) : ""],
    ["installment_fee", money({ minor: plan.installment_fee_minor, currency: amount.currency })],
    ["cost", moneyText(offer.total_cost, words)],
    ["payable", moneyText(offer.total_payable, words)],
    [yearlyOf(offer), rateText(offer.annual_cost)],
    ["cash_back", money(offer.cash_back)],
    ["early", rate(plan.early_settlement_fee_rate, words.early, words.nothing)],
    ["late", rate(plan.penalty_annual_rate, words.late, words.nothing)],
    ["lender", lender],
  ];
  const lines = rows.filter(([, text]) => text).map(([key, text]) =>
    make("div", "term", null, make("dt", "", null, words[`term_${key}`]), " ", make("dd", "", null, chunk(text))));
  return make("dl", "terms", null, ...lines);
}

function scheduleOf({ installments: rows, amount: { currency } }, words) {
  const keys = ["principal", "interest", ...(rows.some((row) => row.fee) ? ["fee"] : []), "total"];
  const header = ["number", "due_on", ...keys].map((key) =>
    make("th", key, { role: "columnheader", scope: "col" }, words[key]));
  const lines = rows.map((row) => make("tr", "", { role: "row" }, ...spaced([
    make("th", "number", { role: "rowheader", scope: "row" }, String(row.number)),
    make("td", "due_on", { role: "cell" }, chunk(dateText(row.due_on, words))),
    ...keys.map((key) => make("td", key, { role: "cell", ...(key !== "total" && { "data-label": words[key] }) },
      chunk(moneyText({ minor: row[key], currency }, words)))),
  ])));
  return make("table", "schedule", { role: "table", "aria-label": words.schedule },
    make("thead", "", { role: "rowgroup" }, make("tr", "", { role: "row" }, ...spaced(header))),
    make("tbody", "", { role: "rowgroup" }, ...lines));
}

function cardOf(offer, words, lender) {
  const { plan, installments: rows, down_payment: down } = offer;
  const [payments, odd] = paymentsText(offer, words);
  const count = fill(rows.length === 1 ? words.count_one : words.count, { n: rows.length });
  const first = down.minor ? `${words.term_down_payment} ${moneyText(down, words)}` : "";
  const meta = [plan.name || count, periodText(plan.period || "month", words), first, odd].filter(Boolean);
  const rate = fill(words[yearlyOf(offer)], { rate: rateText(offer.annual_cost) });
  const sums = [["cost", offer.total_cost], ["payable", offer.total_payable]].map(([key, money]) =>
    chunk(fill(words[key], { money: moneyText(money, words) })));
  return make("div", "plan", null,
    make("label", "choice", null,
      make("input", "radio", { type: "radio", name: "plan", value: plan.id }),
      chunk(payments, "payments"), " ", chunk(rate, "rate"), " ",
      make("span", "meta", null, ...spaced(meta.map((text) => chunk(text))))),
    make("details", "more", null,
      make("summary", "summary", null,
        make("span", "sums", null, ...spaced(sums)), " ", make("span", "open", null, words.open)),
      termsOf(offer, words, lender), scheduleOf(offer, words)));
}

function viewOf(offers, language, lender) {
  const words = wordsOf(language);
  if (!offers.length) return [make("p", "message", null, words.empty)];
  const packs = [...new Set(offers.map(packOf))].map((pack) => words[`legal_${pack}`]);
  return [
    make("p", "head", null, chunk(words.title, "title"), " ", chunk(moneyText(offers[0].amount, words), "amount")),
    make("div", "plans", { role: "radiogroup", "aria-label": words.group },
      ...offers.map((offer) => cardOf(offer, words, lender))),
    make("p", "legal", null, chunk([...packs, words.legal_estimate].join(language === "en" ? " " : ""))),
  ];
}

// A browser without constructed sheets stops here; the text inside stays.
const sheet = new CSSStyleSheet();
sheet.replaceSync(STYLE);

class FenqiOffers extends HTMLElement {
  static formAssociated = true;
  static observedAttributes = ["offers", "src", "amount", "currency", "language", "selected", "lender"];

  #internals = this.attachInternals();
  #frame = make("div", "");
  #live = make("div", "live", { role: "status", "aria-live": "polite" });
  #observer = new MutationObserver(() => this.#plan());
  #planned = false;
  #given = null;
  #fetched = null;
  #asked = null;
  #request = null;
  #shownKey = null;
  #shown = [];
  #selected = null;
  #hear = ({ detail }) => {
    if (!detail || (detail.for && detail.for !== this.id)) return;
    for (const key of ["amount", "currency"]) if (detail[key] != null) this.setAttribute(key, detail[key]);
  };

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    this.#frame.className = "fo";
    this.#frame.setAttribute("part", "frame");
    this.#frame.append(document.createElement("slot"));
    this.#frame.addEventListener("change", ({ target }) => {
      this.#select(target.value);
      this.#tell("fenqi-offer-select", this.selectedOffer);
    });
    this.#frame.addEventListener("keydown", (event) => this.#jump(event));
    root.append(this.#frame, this.#live);
  }

  /** The offers shown; setting null returns to the attributes. */
  get offers() { return this.#shownKey ? this.#shown : null; }
  set offers(offers) { this.#given = offers; this.#plan(); }

  get selectedOffer() { return this.#shown.find(({ plan }) => plan.id === this.#selected) ?? null; }

  connectedCallback() {
    // One set before this class was defined hides the setter.
    if (Object.hasOwn(this, "offers")) {
      const { offers } = this;
      delete this.offers;
      this.offers = offers;
    }
    document.addEventListener("fenqi-amount", this.#hear);
    this.#observer.observe(this, { childList: true, characterData: true, subtree: true });
    this.#update();
  }

  disconnectedCallback() {
    document.removeEventListener("fenqi-amount", this.#hear);
    this.#observer.disconnect();
    if (this.#request) {
      this.#request.abort();
      this.#request = this.#asked = null;
    }
  }

  attributeChangedCallback(name, before, after) {
    if (before === after) return;
    if (name === "selected") this.#select(after);
    else this.#plan();
  }

  formResetCallback() { this.#select(this.getAttribute("selected")); }

  #plan() {
    if (this.#planned) return;
    this.#planned = true;
    queueMicrotask(() => {
      this.#planned = false;
      if (this.isConnected) this.#update();
    });
  }

  #update() {
    try {
      const offers = this.#find();
      if (offers) this.#show(offers);
      else this.#wait();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The offers to show; null while none are. */
  #find() {
    const attribute = this.getAttribute("offers");
    const written = this.querySelector(':scope > script[type="application/json"]')?.textContent.trim();
    const offers = this.#given ?? (attribute ? JSON.parse(attribute) : null);
    if (offers) return this.#fitting(offers);
    const inside = written ? this.#fitting(JSON.parse(written)) : null;
    if (!this.hasAttribute("src")) return inside;
    const url = this.#url();
    if (this.#asked === url) {
      if (this.#fetched instanceof Error) throw this.#fetched;
      return this.#fetched && this.#fitting(this.#fetched);
    }
    if (inside && this.#asked === null) return inside;
    this.#fetch(url);
    return null;
  }

  #fitting(offers) {
    const list = Array.isArray(offers) ? offers : offers.data;
    if (!Array.isArray(list)) throw new TypeError("offers are no list");
    const [amount, currency] = [this.getAttribute("amount"), this.getAttribute("currency")];
    const fits = ({ amount: money }) =>
      (!amount || String(money.minor) === amount) && (!currency || money.currency === currency);
    return list.every(fits) ? list : null;
  }

  #url() {
    const url = new URL(this.getAttribute("src"), document.baseURI);
    for (const key of ["amount", "currency"]) {
      if (this.hasAttribute(key)) url.searchParams.set(key, this.getAttribute(key));
    }
    return url.href;
  }

  async #fetch(url) {
    this.#request?.abort();
    const request = (this.#request = new AbortController());
    [this.#asked, this.#fetched] = [url, null];
    let answer;
    try {
      const response = await fetch(url, { signal: request.signal, headers: { Accept: "application/json" } });
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      answer = await response.json();
      if (!this.#fitting(answer)) throw new Error("the answer is for another amount");
    } catch (error) {
      answer = error;
    }
    if (request.signal.aborted) return;
    [this.#request, this.#fetched] = [null, answer];
    this.#update();
  }

  #language() {
    const near = this.closest("[lang]") ?? this.getRootNode().host?.closest("[lang]");
    return languageOf(this.getAttribute("language") || near?.lang || navigator.language);
  }

  #show(offers) {
    const [language, lender] = [this.#language(), this.getAttribute("lender") ?? ""];
    const key = JSON.stringify([offers, language, lender]);
    this.#frame.inert = false;
    if (key === this.#shownKey) return this.#select(this.#selected);
    const view = viewOf(offers, language, lender);
    const first = this.#shownKey === null;
    if (first) this.#takeOver();
    const before = new Map(this.#cards());
    const focused = this.shadowRoot.activeElement;
    [this.#shownKey, this.#shown] = [key, offers];
    this.#frame.lang = language;
    this.#frame.replaceChildren(...view);
    for (const [planId, card] of this.#cards()) {
      const old = before.get(planId);
      card.lastChild.open = old?.lastChild.open;
      if (old?.contains(focused)) card.querySelector(focused.localName).focus();
    }
    this.#select(this.#selected);
    const head = this.#frame.querySelector(".fo-amount, .fo-message").textContent;
    this.#live.textContent = first ? "" : fill(wordsOf(language).updated, { head });
    this.#tell("fenqi-offers-render", this.#shown);
  }

  /** Adopt the choice made inside; keep its fields out of the form. */
  #takeOver() {
    const inputs = [...this.querySelectorAll('input[type="radio"]')];
    this.#selected = inputs.find((input) => input.checked)?.value ?? this.#selected;
    for (const input of inputs) input.disabled = true;
  }

  #wait() {
    const words = wordsOf(this.#language());
    if (this.#shownKey) {
      this.#frame.inert = true;
      this.#internals.setFormValue(null);
    } else if (this.getAttribute("amount") && this.querySelector("script")) {
      this.#frame.replaceChildren(make("p", "message", null, words.waiting));
    }
    this.#live.textContent = words.waiting;
  }

  #fail(error) {
    const words = wordsOf(this.#language());
    [this.#shownKey, this.#shown] = ["", []];
    this.#frame.inert = false;
    this.#frame.replaceChildren(make("p", "message", null, words.failed));
    this.#internals.setFormValue(null);
    this.#live.textContent = words.failed;
    this.#tell("fenqi-offers-error", error);
  }

  #cards() {
    return [...this.#frame.querySelectorAll(".fo-plan")].map((card) => [card.querySelector("input").value, card]);
  }

  #radios() { return [...this.#frame.querySelectorAll("input")]; }

  #select(planId) {
    this.#selected = planId;
    for (const radio of this.#radios()) radio.checked = radio.value === planId;
    this.#internals.setFormValue(this.selectedOffer ? planId : null);
  }

  #jump(event) {
    const index = { Home: 0, End: -1 }[event.key];
    if (index === undefined || event.target.localName !== "input") return;
    event.preventDefault();
    const radio = this.#radios().at(index);
    radio.focus();
    radio.click();
  }

  #tell(name, detail) { this.dispatchEvent(new CustomEvent(name, { bubbles: true, composed: true, detail })); }
}

if (!customElements.get("fenqi-offers")) customElements.define("fenqi-offers", FenqiOffers);
