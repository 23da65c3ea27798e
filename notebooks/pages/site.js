// On a phone, the contents fold away once something is chosen from them.
document.querySelector(".toc-tree")?.addEventListener("click", () => {
  document.getElementById("__toc").checked = false;
});
// In the search, a heading that holds the whole query comes before pages that hold its words.
if (window.Scorer) {
  Scorer.score = ([, , , , score, , kind]) => score + (kind === "title" ? 100 : 0);
}
