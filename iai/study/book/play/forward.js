/* The implicit amortizer of `exported` in JavaScript, and the Gaussian process beside it. No DOM: Node runs it. */
var iaiForward = (function () {
  "use strict";

  /* gelu(x) = x Phi(x) at multiples of 1/1024 from -8 to 8, Phi by Simpson's rule; between them it is interpolated. */
  let FINE = 1024, REACH = 8, GELU = (function () {
    let table = new Float64Array(2 * REACH * FINE + 2), middle = REACH * FINE, area = 0.5;
    function density(i) { return Math.exp(-0.5 * (i / FINE) * (i / FINE)) / Math.sqrt(2 * Math.PI); }
    for (let i = 0; i <= middle; i++) {
      table[middle + i] = (i / FINE) * area;
      table[middle - i] = (i / FINE) * (area - 1);
      area += (density(i) + 4 * density(i + 0.5) + density(i + 1)) / (6 * FINE);
    }
    return table;
  })();

  function gelu(values) {
    for (let i = 0; i < values.length; i++) {
      let v = values[i];
      if (v >= REACH) continue;
      if (!(v > -REACH)) { values[i] = v === v ? 0 : v; continue; }
      let at = (v + REACH) * FINE, j = at | 0;
      values[i] = GELU[j] + (at - j) * (GELU[j + 1] - GELU[j]);
    }
  }

  /* Little-endian float16 in base64 to float32. */
  function halves(text) {
    let bytes = atob(text), out = new Float32Array(bytes.length / 2);
    for (let i = 0; i < out.length; i++) {
      let bits = bytes.charCodeAt(2 * i) | (bytes.charCodeAt(2 * i + 1) << 8);
      let power = (bits >> 10) & 31, rest = bits & 1023;
      let size = power ? Math.pow(2, power - 25) * (1024 + rest) : Math.pow(2, -24) * rest;
      out[i] = bits & 0x8000 ? -size : size;
    }
    return out;
  }

  /* A weight matrix in float64, four outputs together: where the last of them are missing there are zeros. */
  function packed(values, outputs, inputs) {
    let out = new Float64Array(((outputs + 3) >> 2) * 4 * inputs);
    for (let o = 0; o < outputs; o++) {
      for (let k = 0; k < inputs; k++) out[((o >> 2) * inputs + k) * 4 + (o & 3)] = values[o * inputs + k];
    }
    return out;
  }

  /* A model that `step` runs: what was exported, with its vectors by name, and its linear maps by theirs. */
  function load(exported) {
    let all = halves(exported.weights), model = Object.assign({}, exported, { weights: {}, maps: {} });
    Object.keys(exported.table).forEach(function (name) {
      let at = exported.table[name][0], shape = exported.table[name][1];
      let values = all.subarray(at, at + shape.reduce(function (a, b) { return a * b; }, 1));
      if (shape.length === 1) model.weights[name] = values;
      else model.maps[name.slice(0, -7)] = { w: packed(values, shape[0], shape[1]), o: shape[0], i: shape[1] };
    });
    return model;
  }

  /* Rows go through the network four at a time, in float64, which engines do not convert. */
  function rows(count, width) { return new Float64Array(((count + 3) >> 2) * 4 * width); }

  /* y = x W' + b for `count` rows, added to y where `add` is true: tiles of 4 rows and 4 outputs, summed in float64. */
  function linear(model, name, x, count, y, add) {
    let map = model.maps[name], i = map.i, o = map.o, weight = map.w, bias = model.weights[name + ".bias"];
    let from = new Float64Array(4 * i), tile = new Float64Array(16), r, c, k, j;
    for (r = 0; r < count; r += 4) {
      for (k = 0; k < i; k++) for (j = 0; j < 4; j++) from[4 * k + j] = x[(r + j) * i + k];
      for (c = 0; c < o; c += 4) {
        let a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
        let c0 = 0, c1 = 0, c2 = 0, c3 = 0, d0 = 0, d1 = 0, d2 = 0, d3 = 0;
        for (k = 0, j = c * i; k < 4 * i; k += 4, j += 4) {
          let x0 = from[k], x1 = from[k + 1], x2 = from[k + 2], x3 = from[k + 3], v = weight[j];
          a0 += v * x0; a1 += v * x1; a2 += v * x2; a3 += v * x3; v = weight[j + 1];
          b0 += v * x0; b1 += v * x1; b2 += v * x2; b3 += v * x3; v = weight[j + 2];
          c0 += v * x0; c1 += v * x1; c2 += v * x2; c3 += v * x3; v = weight[j + 3];
          d0 += v * x0; d1 += v * x1; d2 += v * x2; d3 += v * x3;
        }
        tile[0] = a0; tile[1] = a1; tile[2] = a2; tile[3] = a3; tile[4] = b0; tile[5] = b1; tile[6] = b2; tile[7] = b3;
        tile[8] = c0; tile[9] = c1; tile[10] = c2; tile[11] = c3;
        tile[12] = d0; tile[13] = d1; tile[14] = d2; tile[15] = d3;
        for (k = 0; k < 4 && c + k < o; k++) {
          let shift = bias ? bias[c + k] : 0;
          for (j = 0; j < 4; j++) {
            let at = (r + j) * o + c + k;
            y[at] = (add ? y[at] : 0) + tile[4 * k + j] + shift;
          }
        }
      }
    }
    return y;
  }

  function norm(model, name, x) {
    let y = new Float64Array(x.length), width = model.width;
    let scale = model.weights[name + ".weight"], shift = model.weights[name + ".bias"];
    for (let at = 0; at < x.length; at += width) {
      let mean = 0, square = 0, k;
      for (k = 0; k < width; k++) mean += x[at + k];
      mean /= width;
      for (k = 0; k < width; k++) square += (x[at + k] - mean) * (x[at + k] - mean);
      let by = 1 / Math.sqrt(square / width + model.epsilon);
      for (k = 0; k < width; k++) y[at + k] = (x[at + k] - mean) * by * scale[k] + shift[k];
    }
    return y;
  }

  /* What rows `first` to `count` read: the n evidence rows and, if they are slots, themselves. */
  function attend(qkv, n, first, count, width, heads) {
    let d = width / heads | 0, by = 1 / Math.sqrt(d), out = rows(count - first, width), share = new Float64Array(n + 1);
    for (let r = first; r < count; r++) {
      let seen = r < n ? n : n + 1;
      for (let h = 0; h < width; h += d) {
        let q = r * 3 * width + h, to = (r - first) * width + h, most = -Infinity, sum = 0, j, k, at;
        for (j = 0; j < seen; j++) {
          let dot = 0;
          for (k = 0, at = (j < n ? j : r) * 3 * width + width + h; k < d; k++) dot += qkv[q + k] * qkv[at + k];
          share[j] = dot * by;
          if (share[j] > most) most = share[j];
        }
        for (j = 0; j < seen; j++) sum += share[j] = Math.exp(share[j] - most);
        for (j = 0; j < seen; j++) {
          let part = share[j] / sum;
          for (k = 0, at = (j < n ? j : r) * 3 * width + 2 * width + h; k < d; k++) out[to + k] += part * qkv[at + k];
        }
      }
    }
    return out;
  }

  /* One pre-norm block of rows `first` to `count`, of which the first n are evidence. */
  function block(model, name, tokens, n, first, count) {
    let width = model.width, read = count - first, out = rows(read, width);
    let qkv = linear(model, name + "qkv", norm(model, name + "norm_attention", tokens), count, rows(count, 3 * width));
    out.set(tokens.subarray(first * width, count * width));
    linear(model, name + "out", attend(qkv, n, first, count, width, model.heads), read, out, true);
    let up = rows(read, model.feedforward);
    gelu(linear(model, name + "up", norm(model, name + "norm_feedforward", out), read, up));
    return linear(model, name + "down", up, read, out, true);
  }

  function encode(model, name, values, count, out) {
    let padded = rows(count, values.length / count);
    padded.set(values);
    return linear(model, name, padded, count, out, true);
  }

  function plus(tokens, count, vector) {
    for (let i = 0; i < count * vector.length; i++) tokens[i] += vector[i % vector.length];
    return tokens;
  }

  /* The tokens of observations {x, y}, which are flat arrays. */
  function evidence(model, batch) {
    let n = batch.x.length / model.dx, width = model.width, x = encode(model, "encode_x", batch.x, n, rows(n, width));
    let y = encode(model, "encode_y", batch.y, n, rows(n, width));
    let product = x.map(function (v, i) { return v * y[i]; }), tokens = x;
    for (let i = 0; i < n * width; i++) tokens[i] += y[i];
    if (model.bilinear) encode(model, "encode_xy", product.subarray(0, n * width), n, tokens);
    return plus(tokens, n, model.weights["kinds.0"]);
  }

  /* The predictions before any batch, at `count` inputs. */
  function start(model, count) {
    let state = new Float32Array(count * model.dy);
    return state.map(function (_, i) { return model.weights.initial[i % model.dy]; });
  }

  /* The predictions at inputs x after one more batch; `trace`, if given, collects the output of every layer. */
  function step(model, x, state, batch, trace) {
    let n = batch.x.length / model.dx, m = x.length / model.dx, width = model.width, count = n + m;
    if (!n || !m) return state;
    let slots = encode(model, "encode_slot", state, m, rows(m, width)), first = 0;
    plus(encode(model, "encode_x", x, m, slots), m, model.weights["kinds.3"]);
    let tokens = rows(count, width);
    tokens.set(evidence(model, batch).subarray(0, n * width));
    tokens.set(slots.subarray(0, m * width), n * width);
    function note(tokens) { if (trace) trace.push(Array.from(tokens.subarray(0, (count - first) * width))); }
    note(tokens);
    for (let i = 0; i < model.depth; i++) {
      if (i === model.depth - 1) first = n;
      tokens = block(model, "blocks." + i + ".", tokens, n, first, count);
      note(tokens);
    }
    let head = linear(model, "head", norm(model, "norm", tokens), m, rows(m, model.dy));
    if (trace) trace.push(Array.from(head.subarray(0, m * model.dy)));
    return state.map(function (v, i) { return v + head[i]; });
  }

  /* phi_j(x) = s_j sin(pi j (x + L) / 2 L): functions of the prior are sums of these, each times one N(0, 1). */
  function features(prior, x) {
    return prior.s.map(function (s, j) { return s * Math.sin(Math.PI * (j + 1) * (x + prior.L) / (2 * prior.L)); });
  }

  function dot(a, b) {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
    return sum;
  }

  /* The posterior mean of the Gaussian process at `grid`, given (xs, ys), by Cholesky of K + noise I. */
  function posterior(prior, xs, ys, grid) {
    let n = xs.length, phi = xs.map(function (x) { return features(prior, x); }), rowsOf = [], a = ys.slice(), i, j, k;
    for (i = 0; i < n; i++) {
      rowsOf.push(new Float64Array(n));
      for (j = 0; j <= i; j++) {
        let sum = dot(phi[i], phi[j]) + (i === j ? prior.noise : 0);
        for (k = 0; k < j; k++) sum -= rowsOf[i][k] * rowsOf[j][k];
        rowsOf[i][j] = i === j ? Math.sqrt(sum) : sum / rowsOf[j][j];
      }
    }
    for (i = 0; i < n; i++) {
      for (k = 0; k < i; k++) a[i] -= rowsOf[i][k] * a[k];
      a[i] /= rowsOf[i][i];
    }
    for (i = n - 1; i >= 0; i--) {
      for (k = i + 1; k < n; k++) a[i] -= rowsOf[k][i] * a[k];
      a[i] /= rowsOf[i][i];
    }
    let weights = prior.s.map(function (_, j) { return dot(phi.map(function (f) { return f[j]; }), a); });
    return Array.from(grid, function (x) { return dot(features(prior, x), weights); });
  }

  return { load: load, start: start, step: step, features: features, posterior: posterior };
})();
if (typeof module !== "undefined") module.exports = iaiForward;
