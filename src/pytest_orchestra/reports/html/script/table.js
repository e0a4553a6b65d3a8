// The table of all tests. Only the rows that can be seen exist.
const HEIGHT = 28, HEAD = 32;
const columns = [
  ["verdict", "", (row) => letters.indexOf(row.verdict)], ["took", "seconds", (row) => -row.took],
  ["start", "start", (row) => (row.ran ? row.start : Infinity)], ["worker", "worker", (row) => row.worker],
  ["waited", "waited", (row) => -row.waited], ["id", "test", (row) => row.id], ["why", "why, needs", (row) => row.why || row.needs || "\uffff"],
];
const state = { text: "", verdicts: new Set(), worker: "", file: "", column: null, down: false, at: -1 };
let view = rows;
let table = null;
function choose(label, values, key) {
  const select = make("select", { "aria-label": label }, make("option", { value: "" }, label));
  for (const value of values) select.append(make("option", { value }, value));
  select.addEventListener("change", () => { state[key] = select.value; refresh(); });
  return select;
}
function build() {
  const search = make("input", { type: "search", id: "search", placeholder: "Search tests, needs and reasons  ( / )", "aria-label": "Search tests" });
  let timer = 0;
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(settle, rows.length > 20000 ? 120 : 0);
  });
  // Whoever goes on to the table at once finds there what was searched for.
  function settle() {
    clearTimeout(timer);
    if (state.text !== search.value) { state.text = search.value; refresh(); }
  }
  const counts = {};
  for (const row of rows) counts[row.verdict] = (counts[row.verdict] || 0) + 1;
  const chips = letters.filter((letter) => counts[letter]).map((letter) => {
    const chip = make("button", { type: "button", "aria-pressed": "false", "data-verdict": letter }, badge(letter), `${words[letter]} ${counts[letter]}`);
    chip.addEventListener("click", () => {
      if (!state.verdicts.delete(letter)) state.verdicts.add(letter);
      refresh();
    });
    return chip;
  });
  const workers = [...new Set(rows.map((row) => row.worker))].filter(Boolean).sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
  const tools = make("div", { class: "tools", role: "search" }, search,
    choose("All workers", workers, "worker"), choose("All files", new Set(rows.map((row) => row.file)), "file"), ...chips);
  const found = make("p", { class: "quiet", role: "status" });
  const head = make("div", { class: "gr head", role: "row", "aria-rowindex": "1" });
  columns.forEach(([key, label, of]) => {
    const button = make("button", { type: "button" }, label || "V");
    if (!label) button.setAttribute("aria-label", "verdict");
    button.addEventListener("click", () => {
      if (state.column !== of) { state.column = of; state.down = false; }
      else if (!state.down) state.down = true;
      else state.column = null;
      for (const other of $$("[role=columnheader]", head)) other.removeAttribute("aria-sort");
      if (state.column) button.parentNode.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      for (const each of $$("button", head)) each.textContent = each.textContent.replace(/ [▴▾]$/, "");
      if (state.column) button.textContent += state.down ? " ▾" : " ▴";
      refresh();
    });
    head.append(make("div", { role: "columnheader", class: ["took", "start", "waited"].includes(key) ? "n" : "" }, button));
  });
  const space = make("div", { role: "presentation" });
  const body = make("div", { role: "rowgroup" });
  const grid = make("div", { class: "grid", role: "grid", tabindex: "0", "aria-label": "All tests", "aria-colcount": columns.length },
    make("div", { role: "rowgroup", style: "position:sticky;top:0;z-index:1;min-width:50rem" }, head), body, space);
  const help = make("p", { class: "quiet" });
  for (const [keys, what] of [[["/"], "search"], [["j", "k"], "next and previous"], [["Enter"], "open"], [["Esc"], "close"]]) {
    for (const key of keys) help.append(make("kbd", {}, key), " ");
    help.append(`${what}   `);
  }
  $("#table").append(tools, found, grid, help);
  $("#list").hidden = true;
  grid.addEventListener("scroll", () => requestAnimationFrame(render), { passive: true });
  body.addEventListener("click", (event) => {
    const element = event.target.closest("[data-at]");
    if (element) { state.at = +element.dataset.at; render(); open(view[state.at]); }
  });
  grid.addEventListener("keydown", (event) => {
    if (event.target !== grid || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.floor(grid.clientHeight / HEIGHT) - 2;
    const by = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[event.key];
    if (by) move(by);
    else if (event.key === "Enter" && view[state.at]) open(view[state.at]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  table = { grid, space, body, found, search, settle, chips, tools };
  addEventListener("resize", render);
  refresh();
}
function move(by) {
  state.at = Math.max(0, Math.min(view.length - 1, state.at + by));
  const top = state.at * HEIGHT, { grid } = table, room = grid.clientHeight - HEAD;
  if (top < grid.scrollTop) grid.scrollTop = top;
  else if (top + HEIGHT > grid.scrollTop + room) grid.scrollTop = top + HEIGHT - room;
  render();
}
function refresh() {
  const parts = state.text.toLowerCase().split(/\s+/).filter(Boolean);
  const seek = (row) => { row.low ??= `${row.id}\t${row.needs}\t${row.why}`.toLowerCase(); return parts.every((part) => row.low.includes(part)); };
  view = rows.filter((row) => (!state.verdicts.size || state.verdicts.has(row.verdict)) && (!state.worker || row.worker === state.worker)
    && (!state.file || row.file === state.file) && (!parts.length || seek(row)));
  const of = state.column || ((row) => letters.indexOf(row.verdict));
  const keys = new Map(view.map((row) => [row, of(row)]));
  const sign = state.column && state.down ? -1 : 1;
  view.sort((a, b) => {
    const x = keys.get(a), y = keys.get(b);
    return (x < y ? -sign : x > y ? sign : 0) || a.order - b.order;
  });
  state.at = -1;
  for (const chip of table.chips) chip.setAttribute("aria-pressed", String(state.verdicts.has(chip.dataset.verdict)));
  table.tools.classList.toggle("some", state.verdicts.size > 0);
  table.found.textContent = view.length === rows.length ? "" : `${view.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} tests`;
  table.grid.setAttribute("aria-rowcount", view.length + 1);
  table.grid.scrollTop = 0;
  render();
}
function render() {
  const { grid, space, body } = table;
  space.style.height = `${view.length * HEIGHT}px`;
  const first = Math.max(0, Math.floor(grid.scrollTop / HEIGHT) - 4);
  const last = Math.min(view.length, first + Math.ceil(grid.clientHeight / HEIGHT) + 8);
  const shown = [];
  for (let at = first; at < last; at++) {
    const row = view[at];
    const cell = (content, kind = "") => make("div", { role: "gridcell", class: kind }, content);
    const name = cell(row.name || row.id, "id");
    if (row.name) name.append(make("small", {}, row.file));
    name.title = row.id;
    const element = make("div", { class: "gr body", role: "row", id: `row${at}`, "data-at": at, "aria-rowindex": at + 2, "aria-selected": at === state.at },
      cell(badge(row.verdict)), cell(row.ran ? row.took.toFixed(3) : "", "n"), cell(row.ran ? row.start.toFixed(2) : "", "n"), cell(row.worker),
      cell(row.waited ? row.waited.toFixed(3) : "", "n"), name, cell([row.why, row.needs].filter(Boolean).join(" · "), "quiet"));
    element.style.top = `${HEAD + at * HEIGHT}px`;
    shown.push(element);
  }
  body.replaceChildren(...shown);
  if (state.at >= first && state.at < last) grid.setAttribute("aria-activedescendant", `row${state.at}`);
  else grid.removeAttribute("aria-activedescendant");
}
if (rows.length) build();
