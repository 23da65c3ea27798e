// Contents fold on narrow screens; search looks through `pages`, which search.js holds.
const contents = document.getElementById("contents");
const wide = matchMedia("(min-width: 60rem)");
const fold = () => { contents.open = wide.matches; };
wide.addEventListener("change", fold);
fold();
contents.addEventListener("click", (event) => {
  if (event.target.closest("a") && !wide.matches) contents.open = false;
});

const box = document.getElementById("search");
const found = document.getElementById("found");
const lists = document.getElementById("pages");
box.hidden = false;

function excerpt(text, word) {
  const at = Math.max(0, text.toLowerCase().indexOf(word) - 40);
  return (at ? "…" : "") + text.slice(at, at + 120) + (at + 120 < text.length ? "…" : "");
}

function search() {
  const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
  found.hidden = !words.length;
  lists.hidden = !found.hidden;
  found.replaceChildren();
  if (!words.length) return;
  const hits = pages.map((entry) => {
    const heading = entry.heading.toLowerCase();
    const text = `${heading} ${entry.text.toLowerCase()}`;
    if (!words.every((word) => text.includes(word))) return null;
    return [words.filter((word) => heading.includes(word)).length, entry];
  }).filter(Boolean).sort((a, b) => b[0] - a[0]).slice(0, 20);
  for (const [, entry] of hits) {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = entry.link;
    link.textContent = entry.heading;
    const where = document.createElement("small");
    where.textContent = `${entry.page}: ${excerpt(entry.text, words[0])}`;
    item.append(link, where);
    found.append(item);
  }
  if (!hits.length) found.append(Object.assign(document.createElement("li"), { textContent: "Nothing found." }));
}

box.addEventListener("input", search);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== box) {
    event.preventDefault();
    contents.open = true;
    box.focus();
  } else if (event.key === "Escape" && box.value) {
    box.value = "";
    search();
  }
});

// The heading that is being read is marked in the contents.
const links = new Map([...document.querySelectorAll("#pages a[href^='#']")]
  .map((link) => [decodeURIComponent(link.hash.slice(1)), link]));
const headings = [...document.querySelectorAll("main h2[id]")];
function mark() {
  const above = headings.filter((heading) => heading.getBoundingClientRect().top < 120).pop();
  for (const [id, link] of links) link.classList.toggle("here", above?.id === id);
}
addEventListener("scroll", mark, { passive: true });
mark();
