// What all parts of the script use: the data, the dialog of one test, light and dark.
// The parts are put into one function, in the order that page.py names. They make the page livelier; everything that it
// shows can be read without them. Text from tests becomes text nodes only, never HTML.
const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
const make = (name, attributes = {}, ...content) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...content);
  return element;
};
if (!$("#table")) return;
const words = Object.fromEntries($("#table").dataset.verdicts.split(";").filter(Boolean).map((each) => [each[0], each.slice(1)]));
const letters = Object.keys(words);
const seconds = (value) =>
  value > 0 && value < 0.0005 ? "<1 ms" : value < 0.0995 ? `${Math.round(value * 1000)} ms` : value < 9.995 ? `${value.toFixed(2)} s`
    : value < 99.95 ? `${value.toFixed(1)} s` : `${Math.floor(value / 60)} min ${String(Math.round(value % 60)).padStart(2, "0")} s`;
const style = (letter) => "v-" + words[letter].replaceAll(" ", "-");
const badge = (letter) => make("b", { class: `badge ${style(letter)}`, title: words[letter] }, letter);

// The list of all tests, one line each, is the only copy of the data.
const rows = [];
const byId = new Map();
for (const file of $$("#list details")) {
  const path = $("summary b", file).textContent;
  const text = $("pre", file).textContent;
  if (!text) continue;
  for (const line of text.split("\n")) {
    const [verdict, took, start, worker, waited, name = "", needs = "", why = ""] = line.split("\t");
    const row = {
      verdict, file: path, name, worker: worker || "", needs, why, took: +took || 0, ran: !!start, start: +start || 0,
      waited: +waited || 0, id: name ? `${path}::${name}` : path, order: rows.length,
    };
    rows.push(row);
    byId.set(row.id, row);
  }
}

// The test that a link is about: what the title of a slice begins with, or the link's own words.
function nameOf(link) {
  if (link.dataset.id !== undefined) return link.dataset.id;
  const title = link.closest(".lane") && $("title", link).textContent;
  if (title) return title.slice(0, title.lastIndexOf(": "));
  return link.matches(".id[href='#tests']") ? link.textContent : undefined;
}

// One test in full.
const dialog = make("dialog", { "aria-labelledby": "dialog-h" });
document.body.append(dialog);
function open(row) {
  const article = $(`article[data-id="${CSS.escape(row.id)}"]`);
  const close = make("form", { method: "dialog" }, make("button", { "aria-label": "Close" }, "Close"));
  let content;
  if (article) {
    content = article.cloneNode(true);
    content.removeAttribute("id");
    $("h3", content).id = "dialog-h";
  } else {
    const facts = [["verdict", words[row.verdict]]];
    if (row.ran) facts.push(["took", seconds(row.took)], ["started at", seconds(row.start)], ["worker", row.worker]);
    if (row.waited) facts.push(["waited for tokens", seconds(row.waited)]);
    if (row.why) facts.push(["why", row.why]);
    if (row.needs) facts.push(["needs", row.needs]);
    const list = make("dl", {}, ...facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
    content = make("article", {}, make("h3", { id: "dialog-h" }, badge(row.verdict), " ", make("span", { class: "id" }, row.id)), list);
  }
  dialog.replaceChildren(close, content);
  if (!dialog.open) dialog.showModal();
}
dialog.addEventListener("click", (event) => {
  if (event.target === dialog || event.target.closest("a[href^='#']")) dialog.close();
});

// Light or dark.
const root = document.documentElement;
const themes = ["auto", "light", "dark"];
const remember = (value) => { try { localStorage.setItem("orchestra-theme", value); } catch { /* not allowed here */ } };
const recall = () => { try { return localStorage.getItem("orchestra-theme"); } catch { return null; } };
const toggle = make("button", { type: "button", id: "theme" });
function dress(theme) {
  if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
  toggle.textContent = `Theme: ${theme}`;
  toggle.dataset.now = theme;
}
dress(themes.includes(recall()) ? recall() : "auto");
toggle.addEventListener("click", () => {
  const next = themes[(themes.indexOf(toggle.dataset.now) + 1) % themes.length];
  dress(next);
  remember(next);
});
$("nav").append(toggle);
