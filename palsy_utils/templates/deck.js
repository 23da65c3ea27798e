// Arrow keys turn the slides, one fragment at a time; n shows the notes; Escape shows all decks.
const slides = [...document.querySelectorAll("main > section")];
const count = document.getElementById("count");
const byTouch = matchMedia("(pointer: coarse)").matches;
if (!byTouch) document.body.classList.add("stepwise");  // by touch, nobody could uncover them

function current() {
  const middle = innerHeight / 2;
  const at = slides.findIndex((slide) => slide.getBoundingClientRect().bottom > middle);
  return at < 0 ? slides.length - 1 : at;
}

function go(at) {
  slides[at].scrollIntoView();
  slides[at].focus({ preventScroll: true });
}

function next() {
  const covered = slides[current()].querySelector(".fragment:not(.shown)");
  if (covered && !byTouch) covered.classList.add("shown");
  else if (current() < slides.length - 1) go(current() + 1);
  else location.href = document.body.dataset.after;
}

function show() {
  count.textContent = `${current() + 1} / ${slides.length}`;
  if (slides.length > 1) history.replaceState(null, "", `#${current() + 1}`);
}

const keys = {
  ArrowRight: next, ArrowDown: next, PageDown: next, " ": next,
  ArrowLeft: () => go(Math.max(0, current() - 1)),
  ArrowUp: () => go(Math.max(0, current() - 1)),
  PageUp: () => go(Math.max(0, current() - 1)),
  Home: () => go(0),
  End: () => go(slides.length - 1),
  n: () => document.querySelectorAll(".notes").forEach((one) => { one.open = !one.open; }),
  Escape: () => { location.href = "index.html"; },
};
addEventListener("keydown", (event) => {
  const inside = event.target.closest("summary, a, .scroll, pre");
  if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
  if (inside && event.key === " ") return;
  event.preventDefault();
  keys[event.key]();
});
addEventListener("scroll", show, { passive: true });
slides.forEach((slide) => { slide.tabIndex = -1; });
const start = Number(location.hash.slice(1));
if (start > 1 && start <= slides.length) go(start - 1);
show();
