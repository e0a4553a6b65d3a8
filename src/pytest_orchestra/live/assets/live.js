"use strict";
(() => {
  const find = (query) => document.querySelector(query);
  const ORDER = ["passed", "flaky", "xpassed", "xfailed", "failed", "error", "blocked", "skipped", "not run"];
  const title = document.body.dataset.title;
  let live = null; // what was sent last
  let heard = 0; // when that was true, on our clock

  const el = (name, text, className) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (className) element.className = className;
    return element;
  };

  const spell = (seconds) => {
    const whole = Math.max(0, Math.floor(seconds));
    if (whole < 60) return `${whole} s`;
    if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
    return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  };

  const many = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

  const now = () => live.status.now + (live.is_over ? 0 : (performance.now() - heard) / 1000);

  // Rows are kept from one time to the next, so that a selection or a screen reader is not thrown off.
  const table = (id, rows) => {
    const section = find(id);
    const body = section.querySelector("tbody");
    section.hidden = rows.length === 0;
    while (body.rows.length > rows.length) body.deleteRow(-1);
    rows.forEach((cells, number) => {
      const row = body.rows[number] || body.insertRow();
      cells.forEach(([text, className], place) => {
        const cell = row.cells[place] || row.insertCell();
        if (cell.textContent !== text) cell.textContent = text;
        cell.className = className;
      });
    });
  };

  const tick = () => {
    if (!live) return;
    const status = live.status;
    const at = now();
    let time = spell(at);
    if (live.is_over) time = `took ${spell(at)}`;
    else if (status.stopping) time += `, stopping: ${status.stopping}`;
    else if (status.ends_at !== null) time += `, predicted to end in ${spell(status.ends_at - at)}`;
    find("#time").textContent = time;
    table("#workers", (live.is_over ? [] : status.workers).map((each) => [
      [each.name, "name"],
      [each.test || "idle", each.test ? "test" : "idle"],
      [each.test ? spell(at - each.since) : "", "figure"],
    ]));
    table("#waiting", (live.is_over ? [] : status.waiting).map((each) => [
      [many(each.tests, "test"), "name"],
      [`for ${each.what}${each.holders.length ? `, held by ${each.holders.join(", ")}` : ""}`, "wait"],
      [each.since === null ? "" : spell(at - each.since), "figure"],
    ]));
  };

  const bar = (status) => {
    const parts = ORDER.filter((verdict) => status.counts[verdict]);
    find("#bar").replaceChildren(...parts.map((verdict) => {
      const part = el("span", undefined, verdict.replace(" ", "-"));
      part.style.width = `${(100 * status.counts[verdict]) / Math.max(1, status.tests)}%`;
      part.title = `${status.counts[verdict]} ${verdict}`;
      return part;
    }));
    const done = parts.reduce((sum, verdict) => sum + status.counts[verdict], 0);
    find("#bar").setAttribute("aria-valuemax", status.tests);
    find("#bar").setAttribute("aria-valuenow", done);
    const counts = parts.map((verdict) => {
      const item = el("li");
      item.append(el("i", undefined, verdict.replace(" ", "-")), `${status.counts[verdict].toLocaleString("en")} ${verdict}`);
      return item;
    });
    const total = el("li", `${done.toLocaleString("en")} of ${many(status.tests, "test")} done`);
    const ready = status.ready && !live.is_over ? [el("li", `${status.ready.toLocaleString("en")} ready`)] : [];
    find("#counts").replaceChildren(total, ...counts, ...ready);
  };

  const progress = (stage) => {
    const parts = [`${stage.done.toLocaleString("en")} of ${many(stage.tests, "test")} done`];
    if (stage.failed) parts.push(`${stage.failed.toLocaleString("en")} failed`);
    if (stage.waits_for.length && !live.is_over) parts.push(`waits for the gate of ${stage.waits_for.join(" and ")}`);
    return parts.join(", ") + (stage.why ? `; ${stage.why}` : "");
  };

  const GATES = { "gate passed": "figure good", "gate failed": "figure bad", over: "figure" };
  const gate = (state) => [live.is_over && !GATES[state] ? "not judged" : state, GATES[state] || "figure"];

  const draw = () => {
    const status = live.status;
    find("main").hidden = false;
    find("h1").textContent = title;
    find("#state").textContent = live.headline;
    find("#state").className = live.verdict;
    document.title = `${title}: ${live.headline}`;
    find("#lost").hidden = true;
    bar(status);
    table("#stages", status.stages.map((each) => [
      [each.name, "name"],
      [progress(each), "wait"],
      gate(each.state),
    ]));
    table("#resources", (live.is_over ? [] : status.resources).map((each) => [
      [each.name, "name"],
      [each.use, "wait"],
    ]));
    tick();
  };

  const fail = (failure) => {
    const article = el("article", undefined, failure.again ? "again" : "");
    const again = failure.again ? ", will be tried again" : "";
    article.append(
      el("h3", failure.test),
      el("p", `${failure.verdict} after ${spell(failure.at)} on ${failure.worker}${again}`, "note"),
      el("p", failure.message),
    );
    if (failure.text) {
      const details = el("details");
      details.append(el("summary", "All that pytest says"), el("pre", failure.text));
      article.append(details);
    }
    find("#failures").append(article);
    find("#failures").hidden = false;
  };

  const source = new EventSource(`${location.pathname.replace(/\/$/, "")}/events`);
  source.addEventListener("open", () => {
    document.querySelectorAll("article").forEach((each) => each.remove()); // all of them are sent again
  });
  source.addEventListener("status", (event) => {
    const { age, live: told } = JSON.parse(event.data);
    live = told;
    heard = performance.now() - age * 1000;
    draw();
  });
  source.addEventListener("failure", (event) => fail(JSON.parse(event.data)));
  source.addEventListener("over", () => source.close());
  source.addEventListener("error", () => {
    const lost = find("#lost");
    lost.textContent = "No word from the run any more: it was killed, or its machine cannot be reached.";
    lost.hidden = false;
    find("main").hidden = false;
  });
  setInterval(tick, 500);
})();
