/* The panels of a page: points that a reader places, the steps that a model takes on them, and what they look like. */
(() => {
  "use strict";
  const SHAPES = ["circle", "square", "triangle", "diamond"];
  const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7"]; // Okabe and Ito: apart to colour-blind eyes too
  const CORNERS = {
    triangle: [[0, -1.2], [1.1, 0.8], [-1.1, 0.8]],
    diamond: [[0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]],
  };
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  const MOST = { curve: 80, map: 160 }; // points
  const NAMES = { curve: "A curve", map: "A map" };
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  const rounded = (value) => String(Math.round(100 * value) / 100).replace("-", "−");
  const many = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;
  const between = (value, low, high) => Math.min(high, Math.max(low, value));

  /* A generator of uniform numbers from a seed (mulberry32): every reader is shown the same tasks. */
  function uniform(seed) {
    return () => {
      seed = (seed + 0x6d2b79f5) | 0;
      let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  const shapeOf = (name, x, y, r) => {
    const path = new Path2D();
    if (name === "circle") path.arc(x, y, r, 0, 2 * Math.PI);
    else if (name === "square") path.rect(x - 0.88 * r, y - 0.88 * r, 1.76 * r, 1.76 * r);
    else {
      CORNERS[name].forEach(([a, b]) => path.lineTo(x + a * r, y + b * r));
      path.closePath();
    }
    return path;
  };
  const swatch = (inside) => `<svg viewBox="0 0 24 14" width="24" height="14" aria-hidden="true">${inside}</svg>`;
  const dot = (r, style) => `<circle cx="12" cy="7" r="${r}" style="${style}"/>`;
  const READ = dot(4, "fill: var(--muted)");
  const UNREAD = swatch(dot(4, "fill: var(--page); stroke: var(--muted); stroke-width: 1.5"));
  const line = (style) => swatch(`<line x1="1" y1="7" x2="23" y2="7" style="${style}"/>`);
  const MARKS = [
    '<circle cx="12" cy="7" r="5"/>', '<rect x="7.5" y="2.5" width="9" height="9"/>',
    '<path d="M12 1 17.5 11.5 6.5 11.5Z"/>', '<path d="M12 .8 18.2 7 12 13.2 5.8 7Z"/>',
  ];

  const LEGENDS = {
    curve: [
      [line("stroke: var(--accent); stroke-width: 2.5"), "prediction ŷ<sup>(k)</sup>"],
      [line("stroke: var(--accent); opacity: .4"), "earlier ŷ<sup>(0)</sup> … ŷ<sup>(k−1)</sup>"],
      [line("stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 5 3"), "Bayes mean of the points read"],
      [line("stroke: var(--other); stroke-width: 2; stroke-dasharray: 8 2 2 2"), "1-step model, repeated", "single"],
      [swatch(dot(5, "fill: var(--now)")), "read in this step"],
      [swatch(READ), "read earlier"],
      [UNREAD, "not yet"],
    ],
    map: [
      [swatch(READ + dot(6.2, "fill: none; stroke: var(--ink)")), "read in this step"],
      [swatch(READ), "read earlier"],
      [UNREAD, "not yet"],
      ["", "The deeper a colour, the surer the prediction."],
    ],
  };

  function markup(kind, key, facts, single) {
    const onMap = kind === "map";
    const item = ([mark, text, only]) => `<li${only ? ` class="${only}" hidden` : ""}>${mark} <span>${text}</span></li>`;
    const choice = (name, c) => `<label>
      <input type="radio" name="${key}-class" value="${c}"${c ? "" : " checked"}>
      ${swatch(`<g style="fill: ${COLOURS[c]}">${MARKS[c]}</g>`)}<span>${name}</span></label>`;
    const sizes = `min="1" max="${2 * facts.batch}" value="${facts.batch}"`;
    const button = (what, text, title) => `<button type="button" data-do="${what}" title="${title}">${text}</button>`;
    return `
      ${onMap ? `<fieldset><legend>Class to paint</legend>${SHAPES.map(choice).join("")}</fieldset>` : ""}
      <canvas class="${kind}" tabindex="0" role="img"></canvas>
      <ul class="legend">${LEGENDS[kind].map(item).join("")}</ul>
      <p class="readout"></p>
      <div class="controls">
        ${button("step", "Step", "Read the next mini-batch (S)")}${button("back", "Back", "Undo a step")}
        ${button("play", "Play", "Step by itself, to the next multiple of the steps in training")}
        ${button("reset", "Reset", "Back to no step; the points stay (R)")}
        ${button("clear", "Clear", "Remove all points")}
        ${button("random", "Random task", "A new task, and points of it")}
        <label class="size">Mini-batch size <input type="number" inputmode="numeric" ${sizes}></label>
        ${single ? '<label class="single"><input type="checkbox"> 1-step model, repeated</label>' : ""}
      </div>
      <div class="banner" role="status"></div>
      <p class="hint">${onMap ? "Choose a class and tap or drag to paint points" : "Tap to place a point"};
        drag a point to move it; double-click it, or press Delete, to remove it. With the keyboard, on the picture:
        arrow keys, Enter, Delete${onMap ? ", 1 to 4 for the class" : ""}; S steps, R resets.
        Points are read in the order in which they were placed.</p>
      <p class="live" aria-live="polite"></p>`;
  }

  function panel(host, kind, key, models) {
    const facts = models[kind].facts, model = iaiForward.load(models[kind]);
    const single = kind === "curve" && models.single ? iaiForward.load(models.single) : null;
    host.innerHTML = markup(kind, key, facts, single);
    const find = (selector) => host.querySelector(selector);
    const canvas = find("canvas"), pen = canvas.getContext("2d"), random = uniform(kind === "map" ? 5 : 1);
    const reach = facts.x * (kind === "map" ? 1.15 : 1.2), tall = kind === "map" ? reach : facts.y * 1.15;
    const side = kind === "map" ? 32 : 121, grid = [], along = (i) => reach * ((2 * i) / (side - 1) - 1);
    for (let i = 0; i < side; i++) {
      if (kind === "curve") grid.push(along(i));
      else for (let j = 0; j < side; j++) grid.push(along(j), -along(i)); // from the top, row by row
    }
    const inputs = Float32Array.from(grid);
    let points = [], batches = [], states = [], others = [], bayes = [], shown = null, frame = 0, timer = 0;
    let cross = { u: 0, v: 0 }, keys = false, selected = null, box = null, warned = "";

    const size = () => between(Math.round(find(".size input").value) || 1, 1, 2 * facts.batch);
    const times = (point) => batches.filter((batch) => batch.includes(point)).length;
    const chosen = () => (kind === "map" ? Number(find("fieldset input:checked").value) : 0);
    const say = (text) => { find(".live").textContent = text; };

    /* The batch as arrays: coordinates and values, or coordinates and one-hot classes. */
    function data(batch) {
      const one = (p) => SHAPES.map((_, c) => (c === p.label ? 1 : 0));
      return {
        x: batch.flatMap((p) => (kind === "map" ? [p.u, p.v] : [p.u])),
        y: batch.flatMap((p) => (kind === "map" ? one(p) : [p.v])),
      };
    }

    const overlaid = () => find("label.single input:checked");

    /* The states again, from step `from` on: points that had been read were changed. */
    function replay(from = 0) {
      if (!overlaid()) others.length = 0;
      for (const [one, chain] of [[model, states], [overlaid() && single, others]]) {
        if (!one) continue;
        chain.length = Math.min(chain.length, from + 1);
        if (!chain.length) chain.push(iaiForward.start(one, inputs.length / one.dx));
        while (chain.length <= batches.length) {
          chain.push(iaiForward.step(one, inputs, chain[chain.length - 1], data(batches[chain.length - 1])));
        }
      }
    }

    function root(squares) { return Math.sqrt(squares.reduce((a, b) => a + b, 0) / squares.length); }
    function distance(state) {
      return root(Array.from(state, (v, i) => (v - bayes[i]) ** 2).filter((_, i) => Math.abs(grid[i]) <= facts.x));
    }

    function softmax(state, at) {
      const parts = [0, 1, 2, 3].map((c) => state[at + c]), most = Math.max(...parts);
      const powers = parts.map((v) => Math.exp(v - most)), sum = powers.reduce((a, b) => a + b);
      return powers.map((v) => v / sum);
    }

    /* Everything that follows from the points and the batches; `moving` lets the picture glide to it. */
    function changed(moving = false) {
      const k = batches.length, read = points.filter(times), last = states[k];
      const said = [`<b>k = ${k}</b>`, `${read.length} of ${many(points.length, "point")} read`];
      if (kind === "curve") {
        bayes = iaiForward.posterior(facts.prior, read.map((p) => p.u), read.map((p) => p.v), grid);
        said.push(`RMS distance to the Bayes mean ${distance(last).toFixed(3)}`);
        if (overlaid()) said.push(`of the 1-step model ${distance(others[k]).toFixed(3)}`);
      } else {
        let sure = 0;
        for (let i = 0; i < last.length; i += 4) sure += Math.max(...softmax(last, i));
        said.push(`mean largest probability ${((4 * sure) / last.length).toFixed(2)}`);
      }
      find(".readout").innerHTML = said.map((fact) => `<span>${fact}</span>`).join(" ");
      const idle = { step: !points.length, play: !points.length, clear: !points.length, back: !k, reset: !k };
      for (const what in idle) find(`[data-do="${what}"]`).setAttribute("aria-disabled", idle[what]); // focus stays
      const why = outside().join(" ");
      if (why !== warned) find(".banner").innerHTML = why ? `<p><b>Beyond its training.</b> ${why}</p>` : "";
      warned = why;
      const what = kind === "map" ? "Map of the predicted classes" : "Predicted curve, and the dashed Bayes mean";
      canvas.setAttribute("aria-label", `${what}, after ${many(k, "step")}: ${said.slice(1).join(", ")}.`);
      glide(last, moving);
    }

    /* What of the input no training task had, a sentence each. */
    function outside() {
      const k = batches.length, why = [], limit = rounded(facts.x), again = Math.max(0, ...points.map(times));
      const largest = Math.max(size(), ...batches.map((batch) => batch.length));
      if (k > facts.steps) why.push(`More than ${facts.steps} steps.`);
      if (again > 1) why.push("A point is read again: in training none came twice.");
      if (batches.slice(0, -1).some((batch) => batch.length < facts.batch)) {
        why.push(`An earlier mini-batch of fewer than ${facts.batch}: in training only the last one was smaller.`);
      }
      if (largest > facts.batch) why.push(`Mini-batches of ${largest}: the largest in training had ${facts.batch}.`);
      if (points.some((p) => Math.abs(p.u) > facts.x || (kind === "map" && Math.abs(p.v) > facts.x))) {
        why.push(`A point outside of [−${limit}, ${limit}].`);
      }
      const high = kind === "curve" && points.some((p) => Math.abs(p.v) > facts.y);
      if (high) why.push(`A point with |y| > ${rounded(facts.y)}, which is rare in training.`);
      if (k > 1 && overlaid()) why.push("The 1-step model knows its first step alone.");
      return why;
    }

    function glide(target, moving) {
      cancelAnimationFrame(frame);
      if (!moving || calm.matches || !shown) { shown = target; draw(); return; }
      const from = shown, begun = performance.now();
      const tick = (now) => {
        const t = between((now - begun) / 280, 0, 1), part = t * t * (3 - 2 * t);
        shown = t < 1 ? target.map((v, i) => from[i] + part * (v - from[i])) : target;
        draw();
        if (t < 1) frame = requestAnimationFrame(tick);
      };
      frame = requestAnimationFrame(tick);
    }

    function step() {
      if (!points.length) {
        if (timer) play();
        return;
      }
      const least = Math.min(...points.map(times));
      const batch = points.filter((p) => times(p) === least).slice(0, size());
      batches.push(batch);
      replay(batches.length - 1);
      changed(true);
      const reading = least ? ` Reading ${least + 1}.` : "";
      say(`Step ${batches.length}: ${many(batch.length, "point")} read.${reading} ${find(".readout").textContent}`);
      if (timer && batches.length % facts.steps === 0) play();
    }
    function back() {
      if (timer) play();
      if (!batches.pop()) return;
      replay(batches.length);
      changed(true);
      say(`Back to step ${batches.length}.`);
    }
    function play() {
      if (timer) clearInterval(timer);
      timer = timer ? 0 : setInterval(step, 700);
      find('[data-do="play"]').textContent = timer ? "Pause" : "Play";
      if (timer) step();
    }
    function restart() {
      if (timer) play();
      batches = [];
      replay();
    }
    function reset() {
      restart();
      changed(true);
      say(`Reset: no step, ${many(points.length, "point")}.`);
    }
    function clear() {
      points = [];
      selected = null;
      restart();
      changed();
      say("All points removed.");
    }

    /* A task of the law in training, with points for all of its steps: a function, or four with offsets and a softmax. */
    function task() {
      const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
      const evenly = () => facts.x * (2 * random() - 1), wave = (x) => iaiForward.features(facts.prior, x);
      const weights = SHAPES.map(() => facts.prior.s.map(() => facts.prior.s.map(normal)));
      const count = Math.min(MOST[kind], facts.steps * facts.batch);
      points = [];
      if (kind === "curve") {
        while (points.length < count) {
          const u = evenly(), noise = Math.sqrt(facts.prior.noise) * normal();
          points.push({ u, v: wave(u).reduce((sum, f, j) => sum + f * weights[0][0][j], noise), label: 0 });
        }
        return;
      }
      const offsets = SHAPES.map(normal), gumbel = () => -Math.log(-Math.log(1 - random()));
      while (points.length < count) {
        const u = evenly(), v = evenly(), a = wave(u), b = wave(v);
        const across = (row) => b.reduce((sum, g, j) => sum + g * row[j], 0);
        const f = SHAPES.map((_, c) => a.reduce((sum, g, i) => sum + g * across(weights[c][i]), offsets[c]));
        const scores = f.map((one) => one / Math.sqrt(facts.prior.noise) + gumbel());
        points.push({ u, v, label: scores.indexOf(Math.max(...scores)) });
      }
    }
    function fresh() {
      task();
      selected = null;
      restart();
      changed();
      say(`A new task with ${many(points.length, "point")}.`);
    }

    const where = (p) => `${rounded(p.u)}, ${rounded(p.v)}`;
    function add(u, v) {
      if (points.length >= MOST[kind]) { say(`No more than ${MOST[kind]} points.`); return null; }
      const point = { u, v, label: chosen() };
      points.push(point);
      selected = point;
      changed();
      say(`${kind === "map" ? `A ${SHAPES[point.label]}` : "Point"} placed at ${where(point)}.`);
      return point;
    }
    function touched(point) {
      const first = batches.findIndex((batch) => batch.includes(point));
      if (first >= 0) replay(first);
      changed();
    }
    function remove(point) {
      const first = batches.findIndex((batch) => batch.includes(point));
      points = points.filter((one) => one !== point);
      batches = batches.map((batch) => batch.filter((one) => one !== point)).filter((batch) => batch.length);
      if (first >= 0) replay(first);
      selected = null;
      changed();
      say(`Point at ${where(point)} removed.`);
    }

    /* From the plane to the canvas and back. */
    const toX = (u) => box.x + (box.w * (u + reach)) / (2 * reach);
    const toY = (v) => box.y + (box.h * (tall - v)) / (2 * tall);
    const toU = (x) => between(((x - box.x) / box.w) * 2 * reach - reach, -reach, reach);
    const toV = (y) => between(tall - ((y - box.y) / box.h) * 2 * tall, -tall, tall);
    function nearest(x, y, within) {
      const far = (p) => Math.hypot(toX(p.u) - x, toY(p.v) - y);
      const best = points.reduce((one, p) => (!one || far(p) <= far(one) ? p : one), null);
      return best && far(best) <= within ? best : null;
    }

    function draw() {
      const w = canvas.clientWidth, h = canvas.clientHeight, dense = window.devicePixelRatio || 1;
      if (!w || !shown) return;
      if (canvas.width !== Math.round(w * dense) || canvas.height !== Math.round(h * dense)) {
        canvas.width = Math.round(w * dense);
        canvas.height = Math.round(h * dense);
      }
      box = { x: 26, y: 6, w: w - 32, h: h - 28 };
      const style = getComputedStyle(canvas), colour = (name) => style.getPropertyValue(`--${name}`).trim();
      pen.setTransform(dense, 0, 0, dense, 0, 0);
      pen.clearRect(0, 0, w, h);
      pen.font = `12px ${style.fontFamily}`;
      axes(colour);
      pen.save();
      pen.beginPath();
      pen.rect(box.x, box.y, box.w, box.h);
      pen.clip();
      if (kind === "curve") curves(colour); else borders(colour);
      marks(colour);
      pen.restore();
      if (keys && document.activeElement === canvas) {
        pen.strokeStyle = colour("ink");
        pen.lineWidth = 1.5;
        const x = toX(cross.u), y = toY(cross.v);
        for (const [a, b] of Object.values(ARROWS)) stroke([[x + 4 * a, y + 4 * b], [x + 14 * a, y + 14 * b]]);
      }
    }
    function stroke(corners) {
      pen.beginPath();
      corners.forEach(([x, y]) => pen.lineTo(x, y));
      pen.stroke();
    }

    /* Numbers at integers; the square or the strip of training is lighter than what lies outside. */
    function axes(colour) {
      const high = kind === "map" ? facts.x : facts.y;
      const trained = [toX(-facts.x), toY(high), toX(facts.x) - toX(-facts.x), toY(-high) - toY(high)];
      pen.fillStyle = colour("outside");
      pen.fillRect(box.x, box.y, box.w, box.h);
      pen.fillStyle = colour("page");
      pen.fillRect(...trained);
      if (kind === "map") shade(colour("page"));
      pen.fillStyle = colour("muted");
      pen.strokeStyle = colour("line");
      pen.lineWidth = 1;
      const ticks = (most) => Array.from({ length: 2 * Math.floor(most) + 1 }, (_, i) => i - Math.floor(most));
      pen.textAlign = "center";
      pen.textBaseline = "top";
      for (const u of ticks(reach)) {
        pen.fillText(rounded(u), toX(u), box.y + box.h + 6);
        if (kind === "curve") stroke([[toX(u), box.y], [toX(u), box.y + box.h]]);
      }
      pen.textAlign = "right";
      pen.textBaseline = "middle";
      for (const v of ticks(tall)) {
        pen.fillText(rounded(v), box.x - 6, toY(v));
        if (kind === "curve") stroke([[box.x, toY(v)], [box.x + box.w, toY(v)]]);
      }
      if (kind === "map") {
        pen.strokeStyle = colour("muted");
        pen.setLineDash([2, 4]);
        pen.strokeRect(...trained);
        pen.setLineDash([]);
      }
    }

    function curves(colour) {
      const trace = (values, style, width, alpha = 1, dash = []) => {
        pen.strokeStyle = colour(style);
        pen.lineWidth = width;
        pen.globalAlpha = alpha;
        pen.setLineDash(dash);
        stroke(Array.from(values, (v, i) => [toX(grid[i]), toY(v)]));
        pen.globalAlpha = 1;
        pen.setLineDash([]);
      };
      pen.lineJoin = "round";
      const faint = (i) => 0.12 + 0.3 * ((i + 1) / batches.length) ** 2;
      states.slice(0, -1).forEach((state, i) => trace(state, "accent", 1.2, faint(i)));
      if (overlaid()) trace(others[batches.length], "other", 2, 1, [9, 3, 2, 3]);
      trace(shown, "accent", 2.6);
      trace(bayes, "ink", 1.5, 1, [6, 4]);
    }

    /* The probabilities, interpolated between the cells of the grid. */
    function shade(page) {
      const fine = 160, image = new ImageData(fine, fine);
      const rgb = (text) => [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16)), ground = rgb(page);
      const hues = COLOURS.map(rgb), value = new Float64Array(4), at = new Float64Array(2), low = new Int32Array(2);
      for (let i = 0; i < fine * fine; i++) {
        [Math.floor(i / fine), i % fine].forEach((j, axis) => {
          const place = ((j + 0.5) / fine) * (side - 1);
          low[axis] = place;
          at[axis] = place - low[axis];
        });
        const here = 4 * (low[0] * side + low[1]);
        let most = 0, sum = 0;
        for (let c = 0; c < 4; c++) {
          const top = shown[here + c] * (1 - at[1]) + shown[here + 4 + c] * at[1];
          const below = shown[here + 4 * side + c] * (1 - at[1]) + shown[here + 4 * side + 4 + c] * at[1];
          value[c] = top * (1 - at[0]) + below * at[0];
          if (value[c] > value[most]) most = c;
        }
        const peak = value[most];
        for (let c = 0; c < 4; c++) sum += value[c] = Math.exp(value[c] - peak);
        const deep = 0.06 + 0.5 * between((value[most] / sum - 0.25) / 0.75, 0, 1);
        for (let j = 0; j < 3; j++) {
          let mixed = 0;
          for (let c = 0; c < 4; c++) mixed += (value[c] / sum) * hues[c][j];
          image.data[4 * i + j] = ground[j] + deep * (mixed - ground[j]);
        }
        image.data[4 * i + 3] = 255;
      }
      const sheet = document.createElement("canvas");
      sheet.width = sheet.height = fine;
      sheet.getContext("2d").putImageData(image, 0, 0);
      pen.imageSmoothingEnabled = true;
      pen.drawImage(sheet, box.x, box.y, box.w, box.h);
    }

    /* Lines where the likeliest class changes: they cross an edge of four cells where the two logits are equal. */
    function borders(colour) {
      const best = (cell) => [1, 2, 3].reduce((a, c) => (shown[4 * cell + c] > shown[4 * cell + a] ? c : a), 0);
      const most = Array.from({ length: side * side }, (_, cell) => best(cell));
      pen.strokeStyle = colour("muted");
      pen.lineWidth = 1.4;
      for (let cell = 0; cell < side * (side - 1); cell++) {
        if (cell % side === side - 1) continue;
        const corners = [cell, cell + 1, cell + side + 1, cell + side], cuts = [];
        corners.forEach((a, i) => {
          const b = corners[(i + 1) % 4], p = most[a], q = most[b];
          if (p === q) return;
          const here = shown[4 * a + p] - shown[4 * a + q], there = shown[4 * b + q] - shown[4 * b + p];
          const t = here / (here + there || 1);
          const [u, v] = [0, 1].map((axis) => grid[2 * a + axis] + t * (grid[2 * b + axis] - grid[2 * a + axis]));
          cuts.push([toX(u), toY(v)]);
        });
        const middle = [0, 1].map((axis) => cuts.reduce((sum, cut) => sum + cut[axis], 0) / cuts.length);
        if (cuts.length === 2) stroke(cuts);
        else cuts.forEach((cut) => stroke([cut, middle]));
      }
    }

    function marks(colour) {
      const last = batches[batches.length - 1] || [];
      for (const p of points) {
        const now = last.includes(p), read = now || times(p) > 0, x = toX(p.u), y = toY(p.v);
        const hue = kind === "map" ? COLOURS[p.label] : colour(now ? "now" : "muted"), name = SHAPES[p.label];
        const shape = shapeOf(name, x, y, kind === "map" ? 4.6 : now ? 5 : 4);
        pen.lineWidth = read ? 3 : 4.5;
        pen.strokeStyle = colour("page");
        pen.stroke(shape);
        pen.fillStyle = read ? hue : colour("page");
        pen.fill(shape);
        if (!read) {
          pen.lineWidth = 1.7;
          pen.strokeStyle = hue;
          pen.stroke(shape);
        }
        pen.lineWidth = 1.3;
        pen.strokeStyle = colour("ink");
        if (now && kind === "map") pen.stroke(shapeOf(name, x, y, 7.2));
        if (p === selected && document.activeElement === canvas) pen.stroke(shapeOf("circle", x, y, 10.5));
      }
    }

    /* Pointers move the point that they are on, and elsewhere place one or, on a map, paint; twice on one removes it. */
    let held = null, painting = false, moved = false, following = 0, tapped = { point: null, at: 0 };
    const spot = (event) => {
      const frame = canvas.getBoundingClientRect();
      return [event.clientX - frame.left, event.clientY - frame.top];
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button || !event.isPrimary) return;
      canvas.focus({ preventScroll: true });
      keys = false;
      const [x, y] = spot(event), found = nearest(x, y, event.pointerType === "touch" ? 20 : 11);
      if (found && tapped.point === found && event.timeStamp - tapped.at < 450) {
        tapped.point = null;
        remove(found);
        return;
      }
      tapped = { point: found, at: event.timeStamp };
      moved = false;
      selected = held = found || add(toU(x), toV(y));
      painting = !found && kind === "map";
      if (event.isTrusted) canvas.setPointerCapture(event.pointerId);
      draw();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!held) return;
      const [x, y] = spot(event), far = Math.hypot(toX(held.u) - x, toY(held.v) - y);
      if (painting) { if (far > 26) held = add(toU(x), toV(y)); return; }
      if (!moved && far < 4) return;
      moved = true;
      Object.assign(held, { u: toU(x), v: toV(y) });
      if (kind !== "curve") { draw(); return; }
      const point = held; // a step of ten states a move would be slow: once a frame
      cancelAnimationFrame(following);
      following = requestAnimationFrame(() => touched(point));
    });
    const drop = () => {
      cancelAnimationFrame(following);
      if (held && moved) { touched(held); tapped.point = null; say(`Point moved to ${where(held)}.`); }
      held = null;
    };
    canvas.addEventListener("pointerup", drop);
    canvas.addEventListener("pointercancel", drop);
    canvas.addEventListener("blur", () => draw());
    canvas.addEventListener("focus", () => { keys = canvas.matches(":focus-visible"); draw(); });

    function pressed(key, far) {
      if (key === "s" || key === "S") step();
      else if (key === "r" || key === "R") reset();
      else if (document.activeElement !== canvas) return false;
      else if (ARROWS[key]) {
        const [du, dv] = ARROWS[key].map((d) => d * (far ? 0.5 : 0.1));
        if (!keys && selected) cross = { u: selected.u, v: selected.v };
        const on = (value, most) => between(Math.round(10 * value) / 10, -most, most);
        cross = { u: on(cross.u + du, reach), v: on(cross.v + dv, tall) };
        keys = true;
        draw();
        say(`Crosshair at ${where(cross)}.`);
      } else if (key === "Enter" || key === " ") {
        keys = true;
        add(cross.u, cross.v);
      } else if (key === "Delete" || key === "Backspace") {
        const point = keys ? nearest(toX(cross.u), toY(cross.v), 16) : selected;
        if (point) remove(point); else say("No point here.");
      } else if (kind === "map" && SHAPES[key - 1]) {
        find(`fieldset input[value="${key - 1}"]`).checked = true;
        say(`Class ${SHAPES[key - 1]}.`);
      } else return false;
      return true;
    }
    host.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !pressed(event.key, event.shiftKey)) return;
      event.preventDefault();
      event.stopPropagation(); // a notebook and the book have keys of their own
    });

    const actions = { step, back, play, reset, clear, random: fresh };
    host.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button) actions[button.dataset.do]();
    });
    find(".size input").addEventListener("change", (event) => { event.target.value = size(); changed(); });
    if (single) find("label.single input").addEventListener("change", (event) => {
      find("li.single").hidden = !event.target.checked;
      replay(batches.length);
      changed();
    });
    new ResizeObserver(() => draw()).observe(canvas);
    new MutationObserver(() => draw()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());
    task();
    replay();
    changed();
  }

  function build(root, models) {
    const key = root.dataset.models, kinds = ["curve", "map"].filter((kind) => models[kind]);
    const tabs = document.createElement("div"), panels = [], buttons = [];
    tabs.className = "tabs";
    tabs.setAttribute("role", "tablist");
    const show = (i) => kinds.forEach((_, j) => {
      panels[j].hidden = j !== i;
      buttons[j].setAttribute("aria-selected", j === i);
      buttons[j].tabIndex = j === i ? 0 : -1;
    });
    const made = (tag, facts) => {
      const one = document.createElement(tag);
      Object.entries(facts).forEach(([name, value]) => one.setAttribute(name, value));
      return one;
    };
    kinds.forEach((kind, i) => {
      const [tab, shown] = [`${key}-${kind}-tab`, `${key}-${kind}`];
      buttons.push(made("button", { type: "button", role: "tab", id: tab, "aria-controls": shown }));
      panels.push(made("div", { class: "panel", role: "tabpanel", id: shown, "aria-labelledby": tab }));
      buttons[i].textContent = NAMES[kind];
      buttons[i].addEventListener("click", () => show(i));
      tabs.append(buttons[i]);
    });
    tabs.addEventListener("keydown", (event) => {
      const way = (ARROWS[event.key] || [0])[0];
      if (!way) return;
      event.preventDefault();
      event.stopPropagation();
      const i = (buttons.indexOf(document.activeElement) + way + kinds.length) % kinds.length;
      show(i);
      buttons[i].focus();
    });
    root.querySelector("noscript").before(tabs, ...panels); // before the scripts, which remove those of a saved page
    kinds.forEach((kind, i) => panel(panels[i], kind, key, models));
    show(0);
  }

  /* A notebook may run this before the root is in the document: then it is looked for again. */
  function begin(frames) {
    const roots = [...document.querySelectorAll(".iai-play")].filter((root) => !root.iaiReady);
    if (!roots.length && frames) requestAnimationFrame(() => begin(frames - 1));
    for (const root of roots) {
      const models = (window.iaiPlay || {})[root.dataset.models];
      if (!models) continue;
      root.iaiReady = true; // no attribute: a saved page is built anew
      root.querySelectorAll(".tabs, .panel").forEach((old) => old.remove());
      build(root, models);
    }
  }
  begin(120);
})();
