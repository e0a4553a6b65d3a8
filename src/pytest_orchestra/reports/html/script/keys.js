// Keys for the page as a whole, and links to tests that have no article.
const articles = $$("main article");
let article = -1;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
  const isTyping = event.target.closest("input, select, textarea");
  if (event.key === "/" && !isTyping && table) { event.preventDefault(); table.search.focus(); }
  else if (event.key === "Escape" && isTyping && event.target === table?.search) { table.search.value = ""; table.settle(); table.grid.focus(); }
  else if (event.target === table?.search && (event.key === "Enter" || event.key === "ArrowDown")) { event.preventDefault(); table.settle(); table.grid.focus(); move(1); }
  else if (!isTyping && (event.key === "j" || event.key === "k")) {
    if (!articles.length) { table?.grid.focus(); return; }
    article = Math.max(0, Math.min(articles.length - 1, article + (event.key === "j" ? 1 : -1)));
    articles[article].focus({ preventScroll: true });
    articles[article].scrollIntoView({ block: "start" });
  }
});
document.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link) return;
  const { verdict, show } = link.dataset;
  const id = nameOf(link);
  if (verdict && table) { state.verdicts = new Set([verdict]); refresh(); return; }
  if (show) { plots?.show(show); return; }
  if (id !== undefined && byId.has(id)) { event.preventDefault(); open(byId.get(id)); }
});
