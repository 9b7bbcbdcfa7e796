"""One repository per noun; every statement that services need is written here, once for both engines."""
