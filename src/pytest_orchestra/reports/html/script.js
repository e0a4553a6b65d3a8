// Makes the page livelier; everything that it shows can be read without it. Text from tests becomes text
// nodes only, never HTML.
"use strict";
(() => {
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

  // The timeline: what is under the pointer, and a closer look.
  const plots = $(".plots") && timeline($(".plots"));
  function timeline(element) {
    const WIDTH = 1000, FINEST = 0.5;
    const end = +element.dataset.end;
    const readout = $("#readout");
    const marked = new Set($$(".lane a", element).map(nameOf));
    const lanes = $$(".lane", element).map((svg) => ({ svg, worker: svg.dataset.worker, plain: $(".plain", svg), rows: [] }));
    const laneOf = new Map(lanes.map((lane) => [lane.worker, lane]));
    for (const row of rows) if (row.ran) laneOf.get(row.worker)?.rows.push(row);
    for (const lane of lanes) {
      lane.rows.sort((a, b) => a.start - b.start);
      lane.whole = [...lane.plain.childNodes];
    }
    let zoom = 1, left = 0; // how much closer, and the unit at the left edge
    let at = null; // the test that the keyboard is at
    const tell = (row) => { readout.textContent = row ? `${row.id}: ${words[row.verdict]}, ${seconds(row.took)} on ${row.worker || "the only process"}, from ${seconds(row.start)}${row.waited ? `, after ${seconds(row.waited)} of waiting for tokens` : ""}` : ""; };
    const x = (time) => (time / end) * WIDTH;
    function indexAt(lane, time) {
      let low = 0, high = lane.rows.length;
      while (low < high) { const mid = (low + high) >> 1; if (lane.rows[mid].start <= time) low = mid + 1; else high = mid; }
      return low - 1;
    }
    function under(lane, event) {
      const box = lane.svg.getBoundingClientRect();
      const time = ((left + ((event.clientX - box.left) / box.width) * (WIDTH / zoom)) / WIDTH) * end;
      const slack = (end / zoom / box.width) * 3;
      const row = lane.rows[indexAt(lane, time + slack / 3)];
      const next = lane.rows[indexAt(lane, time + slack)];
      return row && row.start + row.took + slack >= time ? row : next && next.start <= time + slack && next.start + next.took + slack >= time ? next : null;
    }
    const round = (value) => +value.toFixed(3);
    function closer(lane) {
      const finest = FINEST / zoom, right = left + WIDTH / zoom;
      const paths = {}, dense = new Map();
      for (let index = Math.max(0, indexAt(lane, (left / WIDTH) * end)); index < lane.rows.length; index++) {
        const row = lane.rows[index], from = x(row.start), width = x(row.took);
        if (from > right) break;
        if (marked.has(row.id)) continue;
        const top = row.verdict === "F" || row.verdict === "E" ? 0 : 4;
        if (width < finest) { const bucket = Math.floor(from / (2 * finest)); dense.set(bucket, (dense.get(bucket) || 0) + width); }
        else paths[row.verdict] = (paths[row.verdict] || "") + `M${round(from)} ${top}h${round(width)}v${22 - top}h-${round(width)}z`;
      }
      let d = "";
      for (const [bucket, width] of dense) {
        const high = Math.max(0.15, Math.min(1, width / (2 * finest))) * 18;
        d += `M${round(bucket * 2 * finest)} 22v-${round(high)}h${round(2 * finest)}v${round(high)}z`;
      }
      const shapes = Object.entries(paths).map(([letter, path]) => [style(letter), path]);
      if (d) shapes.push(["dense", d]);
      return shapes.map(([kind, path]) => {
        const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
        shape.setAttribute("d", path);
        shape.setAttribute("class", kind);
        return shape;
      });
    }
    function ticks() {
      const wanted = (end / zoom / 8) * 0.999, power = 10 ** Math.floor(Math.log10(wanted));
      const steps = wanted < 10 ? [1, 2, 5, 10].map((nice) => nice * power) : [15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
      const step = steps.find((each) => each >= wanted) ?? wanted;
      const from = (left / WIDTH) * end, labels = [];
      for (let time = Math.ceil(from / step - 1e-9) * step; time < from + (end / zoom) * 0.97; time += step) {
        const label = make("span", {}, time < 1e-9 ? "0" : seconds(time));
        label.style.left = `${(((time - from) * zoom) / end) * 100}%`;
        labels.push(label);
      }
      $(".axis", element).replaceChildren(...labels);
    }
    function draw() {
      left = Math.max(0, Math.min(WIDTH - WIDTH / zoom, left));
      for (const group of $$("g.zoom", element)) group.setAttribute("transform", `matrix(${zoom} 0 0 1 ${-left * zoom} 0)`);
      $("#hatch").setAttribute("patternTransform", `scale(${1 / zoom} 1) rotate(45)`);
      for (const lane of lanes) lane.plain.replaceChildren(...(zoom > 1 ? closer(lane) : lane.whole));
      ticks();
    }
    function look(factor, around = left + WIDTH / zoom / 2) {
      const next = Math.max(1, Math.min(2000, zoom * factor));
      left = around - (around - left) * (zoom / next);
      zoom = next;
      draw();
    }
    let cursor = null;
    function point(row) {
      at = row;
      tell(row);
      cursor?.remove();
      const from = x(row.start), width = Math.max(x(row.took), 1 / zoom);
      if (from < left || from + width > left + WIDTH / zoom) { left = from - WIDTH / zoom / 2; draw(); }
      cursor = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      for (const [key, value] of Object.entries({ x: from, width, y: 1, height: 20, class: "cursor", "vector-effect": "non-scaling-stroke" })) cursor.setAttribute(key, value);
      $("g.zoom", laneOf.get(row.worker).svg).append(cursor);
    }
    for (const lane of lanes) {
      lane.svg.addEventListener("pointermove", (event) => tell(under(lane, event)));
      lane.svg.addEventListener("pointerleave", () => tell(at));
      lane.svg.addEventListener("click", (event) => {
        const row = event.target.closest("a") ? null : under(lane, event);
        if (row) open(row);
      });
    }
    element.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.shiftKey) return;
      event.preventDefault();
      const box = lanes[0].svg.getBoundingClientRect();
      look((event.deltaY || event.deltaX) < 0 ? 1.3 : 1 / 1.3, left + ((event.clientX - box.left) / box.width) * (WIDTH / zoom));
    }, { passive: false });
    element.tabIndex = 0;
    element.setAttribute("role", "group");
    element.setAttribute("aria-label", "Timeline. Arrow keys go from test to test and from worker to worker, Enter opens, plus and minus zoom, 0 shows all.");
    element.addEventListener("keydown", (event) => {
      if (event.target !== element || event.ctrlKey || event.metaKey || event.altKey) return;
      const lane = (at && laneOf.get(at.worker)) || lanes.find((each) => each.rows.length);
      const index = at ? lane.rows.indexOf(at) : -1;
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key], up = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (step) point(lane.rows[Math.max(0, Math.min(lane.rows.length - 1, index + step))]);
      else if (up) {
        const other = lanes[lanes.indexOf(lane) + up];
        if (other?.rows.length) point(other.rows[Math.max(0, indexAt(other, at ? at.start : 0))]);
      }
      else if (event.key === "Enter" && at) open(at);
      else if (event.key === "+" || event.key === "=") look(1.6, at ? x(at.start) : undefined);
      else if (event.key === "-") look(1 / 1.6);
      else if (event.key === "0") look(1 / zoom);
      else return;
      event.preventDefault();
    });
    const zoomers = make("div", { class: "zoomers" });
    for (const [label, name, act] of [["−", "Zoom out", () => look(1 / 1.6)], ["+", "Zoom in", () => look(1.6)], ["All", "Show all", () => look(1 / zoom)]]) {
      const button = make("button", { type: "button", "aria-label": name, title: name }, label);
      button.addEventListener("click", act);
      zoomers.append(button);
    }
    $("#timeline h2").before(zoomers);
    return { show: (id) => { if (byId.get(id)?.ran) point(byId.get(id)); } };
  }
})();
