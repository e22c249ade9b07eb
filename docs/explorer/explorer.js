// The explorer looks numbers up; all of them come from the solvers (solving.py).
const settings = JSON.parse(document.getElementById("settings").textContent);
const solved = {};
const waiting = {};
const EXPLORER = { solved: (name, data) => { solved[name] = data; waiting[name]?.(); } };
const $ = (id) => document.getElementById(id);
const state = { market: "gsm8k/majority_voting", mechanism: "per_token", beta: "1000", markup: "0.25", without: "", provider: "0", step: "1" };

const load = (name) => solved[name] ? Promise.resolve() : new Promise((resolve, reject) => {
  waiting[name] = resolve;
  const script = document.createElement("script");
  script.src = settings.files[name];
  script.onerror = () => reject(new Error(`cannot load the numbers of ${name}`));
  document.head.append(script);
});

const nearest = (values, wanted) => values.reduce((best, value, k) => Math.abs(value - wanted) < Math.abs(values[best] - wanted) ? k : best, 0);
const number = (value, digits = 4) => value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const gone = () => state.without === "" ? [] : state.without.split(",").map(Number);

// The row of a choice: who is left out, then mark-ups, then betas where users choose (solving.py).
function row(data, mechanism, beta = nearest(settings.betas, state.beta)) {
  const table = data.mechanisms[mechanism];
  const perChoice = table.levels.length / (data.leftOut.length * settings.markups.length);
  const k = data.leftOut.indexOf(state.without) * settings.markups.length + nearest(settings.markups, state.markup);
  const place = k * perChoice + (perChoice > 1 ? beta : 0);
  const money = (column) => column ? column[place] * settings.money : null;
  return {
    userValue: money(table.user_value), profit: money(table.profit), welfare: money(table.welfare),
    payment: money(table.payment), optimum: money(table.optimum),
    shares: table.shares[place].map((share) => share * settings.share),
    profits: table.profits[place].map((profit) => profit * settings.money),
    levels: table.levels[place], ranks: table.ranks?.[place],
  };
}

const levelsOf = (data, digits, provider) => {
  const n = data.providers.length;
  return Array.from({ length: data.types }, (_, type) => data.levels[parseInt(digits[type * n + provider], 36)]);
};

const bars = (title) => ({
  width: "container", height: 220, autosize: { type: "fit-x", contains: "padding" }, data: { name: "rows", values: [] },
  mark: { type: "bar", color: "var(--c0)" },
  encoding: {
    y: { field: "provider", type: "nominal", sort: null, title: null }, x: { field: "value", type: "quantitative", title },
    tooltip: [{ field: "provider" }, { field: "value", title, format: ".4~f" }],
  },
});
const wide = (rest) => ({ width: "container", height: 240, autosize: { type: "fit-x", contains: "padding" }, data: { name: "rows", values: [] }, ...rest });
const kinds = { type: "nominal", title: null };
const specs = {
  shares: bars("% of queries"),
  profits: bars("USD per 1,000 queries"),
  curves: wide({
    layer: [
      { mark: { type: "line", strokeWidth: 2, point: { size: 25 } } },
      { transform: [{ filter: "datum.mark" }], mark: { type: "point", size: 180, strokeWidth: 2, color: text },
        encoding: { color: { value: text }, shape: { field: "mark", ...kinds, scale: { domain: ["in equilibrium", "efficient"], range: ["circle", "diamond"] }, legend: { orient: "bottom", title: null } } } },
    ],
    encoding: {
      x: { field: "level", type: "ordinal", sort: null, title: "level", axis: { labelAngle: 0 } },
      y: { field: "value", type: "quantitative", title: "USD per 1,000 queries", scale: { zero: false } },
      color: { field: "what", ...kinds, scale: { domain: ["user value", "added to welfare"], range: ["var(--c0)", "var(--c1)"] }, legend: { orient: "top" } },
      tooltip: [{ field: "what" }, { field: "level" }, { field: "value", format: ".4~f" }],
    },
  }),
  anarchy: wide({
    layer: [
      { mark: { type: "line", strokeWidth: 2, color: "var(--c0)", point: { size: 40, color: "var(--c0)" } },
        encoding: { y: { field: "value", type: "quantitative", title: "price of anarchy", scale: { zero: false } }, tooltip: [{ field: "beta", format: "," }, { field: "value", format: ".4f" }] } },
      { transform: [{ filter: "datum.chosen" }], mark: { type: "rule", color: text, strokeDash: [4, 3] } },
    ],
    encoding: { x: { field: "beta", type: "quantitative", scale: { type: "log" }, title: "beta", axis: { format: "~s", values: [100, 1000, 10000, 100000] } } },
  }),
  mechanisms: wide({
    mark: { type: "bar" },
    encoding: {
      x: { field: "what", ...kinds, sort: null, axis: { labelAngle: 0 } }, xOffset: { field: "mechanism", sort: null },
      y: { field: "value", type: "quantitative", title: "USD per 1,000 queries" },
      color: { field: "mechanism", ...kinds, sort: null, scale: { domain: Object.values(settings.mechanisms), range: ["var(--c0)", "var(--c1)", "var(--c2)"] }, legend: { orient: "top", columns: 1 } },
      tooltip: [{ field: "mechanism" }, { field: "what" }, { field: "value", format: ".4~f" }],
    },
  }),
};
const views = {};

function facts(data, found) {
  const shown = [["user value", number(found.userValue)], ["provider profit", number(found.profit)], ["welfare", number(found.welfare)], ["paid by users", number(found.payment)]];
  const perToken = row(data, "per_token");
  shown.push(["price of anarchy, per token", number(perToken.optimum / perToken.welfare)]);
  if (found.ranks) shown.push(["winner", data.providers[found.ranks[0]] ?? "nobody"], ["runner-up", data.providers[found.ranks[1]] ?? "nobody"]);
  $("facts").replaceChildren(...shown.map(([title, value]) => {
    const [box, dt, dd] = ["div", "dt", "dd"].map((name) => document.createElement(name));
    dt.textContent = title;
    dd.textContent = value;
    box.append(dt, dd);
    return box;
  }));
  $("said").textContent = `${settings.mechanisms[state.mechanism]} on ${state.market}, beta ${Number(state.beta).toLocaleString("en")}, mark-up ${Math.round(100 * state.markup)} %, ${data.providers.length - gone().length} providers; USD per 1,000 queries.`;
}

function table(data, found, present) {
  const efficient = data.efficient[nearest(settings.markups, state.markup)];
  $("table").tBodies[0].replaceChildren(...present.map((i) => {
    const line = document.createElement("tr");
    const cells = [["th", data.providers[i], ""], ...[found.levels, efficient].map((digits) => {
      const levels = levelsOf(data, digits, i);
      return ["td", levels.join(" / "), levels[0]];
    }), ["td", `${number(100 * found.shares[i], 2)}%`, found.shares[i]], ["td", number(found.profits[i]), found.profits[i]]];
    line.append(...cells.map(([kind, shown, key]) => {
      const cell = document.createElement(kind);
      if (kind === "th") cell.scope = "row";
      cell.textContent = shown;
      cell.dataset.key = key;
      return cell;
    }));
    return line;
  }));
  for (const head of $("table").querySelectorAll("th[aria-sort]")) head.removeAttribute("aria-sort");
}

function curves(data, found, provider) {
  const markup = nearest(settings.markups, state.markup);
  const chosen = { "in equilibrium": levelsOf(data, found.levels, provider), efficient: levelsOf(data, data.efficient[markup], provider) };
  const rows = [];
  for (const [what, values] of [["user value", data.value], ["added to welfare", data.added[markup]]]) {
    data.levels.forEach((level, k) => {
      const value = values[provider][k] * settings.money;
      rows.push({ what, level, value, mark: "" });
      for (const [mark, levels] of Object.entries(chosen)) if (levels.includes(level)) rows.push({ what, level, value, mark });
    });
  }
  return rows;
}

async function draw() {
  document.documentElement.dataset.drawn = "no";
  await load(state.market);
  const data = solved[state.market];
  if (!data.leftOut.includes(state.without)) state.without = "";
  const present = data.providers.map((_, i) => i).filter((i) => !gone().includes(i));
  if (!present.includes(Number(state.provider))) state.provider = String(present[0]);
  controls(data, present);
  const found = row(data, state.mechanism);
  facts(data, found);
  table(data, found, present);
  const rows = {
    shares: present.map((i) => ({ provider: data.providers[i], value: 100 * found.shares[i] })),
    profits: present.map((i) => ({ provider: data.providers[i], value: found.profits[i] })),
    curves: curves(data, found, Number(state.provider)),
    anarchy: settings.betas.map((beta, k) => {
      const at = row(data, "per_token", k);
      return { beta, value: at.optimum / at.welfare, chosen: k === nearest(settings.betas, state.beta) };
    }),
    mechanisms: Object.entries(settings.mechanisms).flatMap(([key, mechanism]) => {
      const at = row(data, key);
      return [["user value", at.userValue], ["profit", at.profit], ["welfare", at.welfare]].map(([what, value]) => ({ mechanism, what, value }));
    }),
  };
  await Promise.all(Object.entries(specs).map(async ([id, spec]) => {
    if (!views[id]) {
      const title = $(id).closest("figure").querySelector("figcaption").textContent;
      views[id] = (await vegaEmbed(`#${id}`, { description: title, ...spec, data: { name: "rows", values: rows[id] } }, { renderer: "svg", actions: false, config })).view;
    }
    if (id === "shares" || id === "profits") views[id].height(24 * present.length);
    await views[id].data("rows", rows[id]).runAsync();
  }));
  document.documentElement.dataset.drawn = "yes";
}

function controls(data, present) {
  $("market").value = state.market;
  $("mechanism").value = state.mechanism;
  $("beta").value = nearest(settings.betas, state.beta);
  $("markup").value = nearest(settings.markups, state.markup);
  $("beta-shown").value = settings.betas[$("beta").value].toLocaleString("en");
  $("markup-shown").value = `${Math.round(100 * settings.markups[$("markup").value])} %`;
  $("beta").setAttribute("aria-valuetext", $("beta-shown").value);
  $("markup").setAttribute("aria-valuetext", $("markup-shown").value);
  const most = Math.min(settings.mostLeftOut, data.providers.length - 1);
  const boxes = $("providers");
  if (boxes.dataset.market !== state.market) {
    boxes.dataset.market = state.market;
    boxes.querySelectorAll("label").forEach((label) => label.remove());
    data.providers.forEach((name, i) => {
      const label = document.createElement("label");
      const box = document.createElement("input");
      box.type = "checkbox";
      box.addEventListener("change", () => {
        const out = new Set(gone());
        if (box.checked) out.delete(i); else out.add(i);
        change({ without: [...out].sort((a, b) => a - b).join(",") });
      });
      label.append(box, name);
      boxes.append(label);
    });
  }
  boxes.querySelectorAll("input").forEach((box, i) => {
    box.checked = present.includes(i);
    box.disabled = box.checked && gone().length >= most;
  });
  $("provider").replaceChildren(...present.map((i) => new Option(data.providers[i], i, false, String(i) === state.provider)));
  const step = Math.min(Math.max(Number(state.step) || 1, 1), settings.story.length);
  const told = settings.story[step - 1];
  $("story-title").textContent = told.title;
  $("story-text").textContent = told.text;
  $("story-place").textContent = `Step ${step} of ${settings.story.length}`;
  $("back").disabled = step === 1;
  $("next").disabled = step === settings.story.length;
}

// The state is in the address, so that a link shows the same market.
function read() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const key of Object.keys(state)) if (given.has(key)) state[key] = given.get(key);
  if (!Object.hasOwn(settings.files, state.market)) state.market = Object.keys(settings.files)[0];
  if (!Object.hasOwn(settings.mechanisms, state.mechanism)) state.mechanism = "per_token";
  for (const [key, values] of [["beta", settings.betas], ["markup", settings.markups]]) state[key] = String(values[nearest(values, Number(state[key]) || values[0])]);
}

let busy = Promise.resolve();
function change(values) {
  Object.assign(state, values);
  busy = busy.then(draw).then(() => history.replaceState(null, "", `#${new URLSearchParams(state)}`));
  return busy;
}

for (const id of ["market", "mechanism", "provider"]) $(id).addEventListener("change", (event) => change({ [id]: event.target.value, ...(id === "market" ? { without: "" } : {}) }));
for (const [id, values] of [["beta", settings.betas], ["markup", settings.markups]]) $(id).addEventListener("input", (event) => change({ [id]: String(values[event.target.value]) }));
for (const [id, way] of [["back", -1], ["next", 1]]) $(id).addEventListener("click", () => {
  const step = Number(state.step) + way;
  change({ step: String(step), ...settings.story[step - 1].state });
});
$("controls").addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", () => { read(); change({}); });
if (location.hash.length > 1) read(); else Object.assign(state, settings.story[0].state);
change({});
