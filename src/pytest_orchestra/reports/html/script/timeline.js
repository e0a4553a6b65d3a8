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
