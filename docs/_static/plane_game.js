// A GAN in the plane, in the page itself: the same game as gan_lab/lessons/plane.py, with the same names and equations.
// A test holds both to the same numbers, step by step.
//
//   const game = new Plane({ data: "ring", loss: "non-saturating" })
//   game.play(100)
//   game.seen()          points, D's landscape, the arrows that G feels

export const DATA = { ring: ring(), grid: grid(), line: line(), "two heaps": twoHeaps() };
export const LIMIT = 2.2;
const HIDDEN = 32;
const BATCH = 64;
const SEEN = 200;
const SIDE = 40;
const LONGEST = 0.5;
const WEIGHT = 10; // of the gradient penalty

// ---------------------------------------------------------------------------------------------------- the data

function ring(modes = 8, radius = 2 / 1.414, sigma = 0.05) {
  const angle = (k) => (2 * Math.PI * k) / modes;
  return mixture(Array.from({ length: modes }, (_, k) => [radius * Math.cos(angle(k)), radius * Math.sin(angle(k))]), sigma);
}

function grid(side = 3, step = 1, sigma = 0.05) {
  const place = (i) => step * (i - (side - 1) / 2);
  return mixture(Array.from({ length: side * side }, (_, k) => [place(Math.floor(k / side)), place(k % side)]), sigma);
}

function line(modes = 40, length = 3, sigma = 0.05) {
  const place = (k) => (length * (k / (modes - 1) - 0.5)) / Math.SQRT2;
  return mixture(Array.from({ length: modes }, (_, k) => [place(k), place(k)]), sigma);
}

function twoHeaps(apart = 2, sigma = 0.2) {
  return mixture([[-apart / 2, 0], [apart / 2, 0]], sigma);
}

export function mixture(centres, sigma) {
  return { centres, sigma };
}

// n fresh points of a mixture: [x, y, x, y, ...]
export function sample({ centres, sigma }, n, random) {
  const points = new Float64Array(2 * n);
  for (let i = 0; i < n; i++) {
    const [x, y] = centres[Math.floor(random.uniform() * centres.length)];
    points[2 * i] = x + sigma * random.normal();
    points[2 * i + 1] = y + sigma * random.normal();
  }
  return points;
}

// Random numbers that a seed repeats: mulberry32, and Box and Muller's normal ones.
export function randomNumbers(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
}

// ------------------------------------------------------------------------------------------------- the players

// Three hidden layers of ReLU units. W[l] is (sizes[l + 1], sizes[l]), row by row, as in PyTorch.
export class MLP {
  constructor(sizes, random) {
    this.sizes = sizes;
    this.W = [];
    this.b = [];
    for (let l = 0; l + 1 < sizes.length; l++) {
      const [from, to] = [sizes[l], sizes[l + 1]];
      const last = l + 2 === sizes.length;
      const bound = last ? Math.sqrt(6 / (from + to)) : Math.sqrt(6 / from); // Glorot's, and He's
      this.W.push(Float64Array.from({ length: to * from }, () => bound * (2 * random.uniform() - 1)));
      this.b.push(new Float64Array(to));
    }
    this.zero_grad();
  }

  zero_grad() {
    this.gW = this.W.map((w) => new Float64Array(w.length));
    this.gb = this.b.map((b) => new Float64Array(b.length));
  }

  get parameters() {
    return [...this.W, ...this.b];
  }

  get gradients() {
    return [...this.gW, ...this.gb];
  }

  // x: n points -> n outputs; keeps what each layer made.
  forward(x, n) {
    this.made = [x];
    for (let l = 0; l < this.W.length; l++) {
      const hidden = l + 1 < this.W.length;
      this.made.push(affine(this.made[l], this.W[l], this.b[l], n, this.sizes[l], this.sizes[l + 1], hidden));
    }
    return this.made.at(-1);
  }

  // From the gradient of a loss in the outputs to that in the inputs; adds those of the weights to gW and gb if asked.
  backward(gradient, n, weights = true) {
    for (let l = this.W.length - 1; l >= 0; l--) {
      const [from, to] = [this.sizes[l], this.sizes[l + 1]];
      const [below, made] = [this.made[l], this.made[l + 1]];
      const hidden = l + 1 < this.W.length;
      const next = new Float64Array(n * from);
      const [W, gW, gb] = [this.W[l], this.gW[l], this.gb[l]];
      for (let i = 0; i < n; i++) {
        const at = i * from;
        for (let o = 0; o < to; o++) {
          const g = hidden && made[i * to + o] <= 0 ? 0 : gradient[i * to + o];
          if (g === 0) continue;
          const row = o * from;
          for (let k = 0; k < from; k++) next[at + k] += g * W[row + k];
          if (!weights) continue;
          gb[o] += g;
          for (let k = 0; k < from; k++) gW[row + k] += g * below[at + k];
        }
      }
      gradient = next;
    }
    return gradient;
  }
}

// W x + b for four points at a time: each weight is read once for the four. The last four may hold a point twice.
function affine(x, W, b, n, from, to, relu) {
  const y = new Float64Array(n * to);
  for (let i = 0; i < n; i += 4) {
    const p = i;
    const q = Math.min(i + 1, n - 1);
    const r = Math.min(i + 2, n - 1);
    const s = Math.min(i + 3, n - 1);
    for (let o = 0; o < to; o++) {
      let y_p = b[o];
      let y_q = b[o];
      let y_r = b[o];
      let y_s = b[o];
      for (let k = 0; k < from; k++) {
        const w = W[o * from + k];
        y_p += w * x[p * from + k];
        y_q += w * x[q * from + k];
        y_r += w * x[r * from + k];
        y_s += w * x[s * from + k];
      }
      y[p * to + o] = relu && y_p < 0 ? 0 : y_p;
      y[q * to + o] = relu && y_q < 0 ? 0 : y_q;
      y[r * to + o] = relu && y_r < 0 ? 0 : y_r;
      y[s * to + o] = relu && y_s < 0 ? 0 : y_s;
    }
  }
  return y;
}

export class Adam {
  constructor(player, lr, beta1, beta2 = 0.99, eps = 1e-8) {
    Object.assign(this, { player, lr, beta1, beta2, eps, t: 0 });
    this.m = player.parameters.map((w) => new Float64Array(w.length));
    this.v = player.parameters.map((w) => new Float64Array(w.length));
  }

  step() {
    this.t += 1;
    const [c1, c2] = [1 - this.beta1 ** this.t, 1 - this.beta2 ** this.t];
    this.player.parameters.forEach((w, p) => {
      const [g, m, v] = [this.player.gradients[p], this.m[p], this.v[p]];
      for (let i = 0; i < w.length; i++) {
        m[i] = this.beta1 * m[i] + (1 - this.beta1) * g[i];
        v[i] = this.beta2 * v[i] + (1 - this.beta2) * g[i] * g[i];
        w[i] -= (this.lr * m[i]) / c1 / (Math.sqrt(v[i] / c2) + this.eps);
      }
    });
  }
}

// -------------------------------------------------------------------------------------------------- the losses

const softplus = (s) => Math.max(s, 0) + Math.log1p(Math.exp(-Math.abs(s)));
const sigmoid = (s) => (s >= 0 ? 1 / (1 + Math.exp(-s)) : Math.exp(s) / (1 + Math.exp(s)));

// A loss as the value and the slope of what one score costs: mean over the images of real(s) + fake(s), and of g(s).
export const LOSSES = {
  "non-saturating": {
    real: (s) => [softplus(-s), -sigmoid(-s)], // -log D(x)
    fake: (s) => [softplus(s), sigmoid(s)], // -log(1 - D(G(z)))
    g: (s) => [softplus(-s), -sigmoid(-s)], // -log D(G(z))
  },
  saturating: {
    real: (s) => [softplus(-s), -sigmoid(-s)],
    fake: (s) => [softplus(s), sigmoid(s)],
    g: (s) => [-softplus(s), -sigmoid(s)], // log(1 - D(G(z)))
  },
  Wasserstein: {
    real: (s) => [-s, -1],
    fake: (s) => [s, 1],
    g: (s) => [-s, -1],
    penalty: true,
  },
  hinge: {
    real: (s) => [Math.max(0, 1 - s), s < 1 ? -1 : 0],
    fake: (s) => [Math.max(0, 1 + s), s > -1 ? 1 : 0],
    g: (s) => [-s, -1],
  },
};

function mean_of(cost, scores) {
  const slopes = new Float64Array(scores.length);
  let value = 0;
  scores.forEach((s, i) => {
    const [price, slope] = cost(s);
    value += price / scores.length;
    slopes[i] = slope / scores.length;
  });
  return [value, slopes];
}

// WEIGHT E[ (|grad D(x_hat)| - 1)^2 ], x_hat = t x + (1 - t) G(z): adds its gradient in D's weights. Between its kinks
// D is linear, so its gradient in x is a product of the weights of the units that are on, and each of them appears once.
export function gradient_penalty(D, x, x_fake, t) {
  const n = t.length;
  const x_hat = Float64Array.from(x, (value, i) => t[i >> 1] * value + (1 - t[i >> 1]) * x_fake[i]);
  D.forward(x_hat, n);
  const L = D.W.length;
  const down = []; // d score / d (what layer l adds up), (n, sizes[l + 1])
  down[L - 1] = new Float64Array(n).fill(1);
  for (let l = L - 1; l > 0; l--) {
    const [from, to] = [D.sizes[l], D.sizes[l + 1]];
    const next = new Float64Array(n * from);
    const [W, made] = [D.W[l], D.made[l]];
    for (let i = 0; i < n; i++) {
      for (let o = 0; o < to; o++) {
        const d = down[l][i * to + o];
        if (d === 0) continue;
        for (let k = 0; k < from; k++) next[i * from + k] += d * W[o * from + k];
      }
    }
    down[l - 1] = next.map((d, at) => (made[at] > 0 ? d : 0));
  }
  let penalty = 0;
  let up = new Float64Array(n * 2); // d penalty / d grad D(x_hat)
  for (let i = 0; i < n; i++) {
    const g = [0, 0];
    for (let o = 0; o < D.sizes[1]; o++) {
      g[0] += down[0][i * D.sizes[1] + o] * D.W[0][2 * o];
      g[1] += down[0][i * D.sizes[1] + o] * D.W[0][2 * o + 1];
    }
    const norm = Math.hypot(...g);
    penalty += (WEIGHT * (norm - 1) ** 2) / n;
    for (const axis of [0, 1]) up[2 * i + axis] = norm > 0 ? (2 * WEIGHT * (norm - 1) * g[axis]) / norm / n : 0;
  }
  for (let l = 0; l < L; l++) {
    const [from, to] = [D.sizes[l], D.sizes[l + 1]];
    const next = new Float64Array(n * to);
    const [W, gW, made, last] = [D.W[l], D.gW[l], D.made[l + 1], l + 1 === L];
    for (let i = 0; i < n; i++) {
      for (let o = 0; o < to; o++) {
        if (!last && made[i * to + o] <= 0) continue; // off: its part in `down` is 0, too
        const d = down[l][i * to + o];
        let sum = 0;
        for (let k = 0; k < from; k++) {
          const u = up[i * from + k];
          gW[o * from + k] += d * u;
          sum += W[o * from + k] * u;
        }
        next[i * to + o] = sum;
      }
    }
    up = next;
  }
  return penalty;
}

// -------------------------------------------------------------------------------------------------- the rules

// A step of D on real points x and fakes x_fake, then one of G on fakes from the noise z: Goodfellow et al. 2014.
export function one_round(game, x, z_D, z_G, t) {
  const n = x.length / 2;
  const d_loss = step_D(game, x, game.G.forward(z_D, n).slice(), t);
  return [d_loss, step_G(game, z_G)];
}

export function step_D({ D, opt_D, loss }, x, x_fake, t) {
  const n = x.length / 2;
  D.zero_grad();
  const [on_real, real] = mean_of(loss.real, D.forward(x, n));
  D.backward(real, n);
  const [on_fake, fake] = mean_of(loss.fake, D.forward(x_fake, n));
  D.backward(fake, n);
  if (loss.penalty) gradient_penalty(D, x, x_fake, t);
  opt_D.step();
  return on_real + on_fake;
}

export function step_G({ G, D, opt_G, loss }, z) {
  const n = z.length / 2;
  G.zero_grad();
  const [g_loss, slopes] = mean_of(loss.g, D.forward(G.forward(z, n), n));
  G.backward(D.backward(slopes, n, false), n);
  opt_G.step();
  return g_loss;
}

// ------------------------------------------------------------------------------------------- the game, to watch

export class Plane {
  constructor({ data = "ring", loss = "non-saturating", lr_D = 2e-3, lr_G = 1e-3, momentum = 0.5, seed = 0 } = {}) {
    Object.assign(this, { data: DATA[data], name: loss, lr_D, lr_G, momentum, seed });
    this.reset();
  }

  reset() {
    this.random = randomNumbers(this.seed + 1);
    this.G = new MLP([2, HIDDEN, HIDDEN, HIDDEN, 2], this.random);
    this.D = new MLP([2, HIDDEN, HIDDEN, HIDDEN, 1], this.random);
    this.opt_G = new Adam(this.G, this.lr_G, this.momentum);
    this.opt_D = new Adam(this.D, this.lr_D, this.momentum);
    this.rounds = 0;
    [this.d_loss, this.g_loss] = [NaN, NaN];
    this.z = this.noise(SEEN);
  }

  get loss() {
    return LOSSES[this.name];
  }

  noise(n = BATCH) {
    return Float64Array.from({ length: 2 * n }, () => this.random.normal());
  }

  shares() {
    return Float64Array.from({ length: BATCH }, () => this.random.uniform());
  }

  play(rounds) {
    for (let i = 0; i < rounds; i++) {
      const x = sample(this.data, BATCH, this.random);
      [this.d_loss, this.g_loss] = one_round(this, x, this.noise(), this.noise(), this.shares());
      this.rounds += 1;
    }
  }

  step_of_D() {
    const x = sample(this.data, BATCH, this.random);
    this.d_loss = step_D(this, x, this.G.forward(this.noise(), BATCH).slice(), this.shares());
  }

  step_of_G() {
    this.g_loss = step_G(this, this.noise());
  }

  choose({ data, loss, points }) {
    if (data) this.data = DATA[data];
    if (points) this.data = mixture(Array.from({ length: points.length / 2 }, (_, i) => points.slice(2 * i, 2 * i + 2)), 0.05);
    if (loss) this.name = loss;
  }

  pace({ lr_D = this.lr_D, lr_G = this.lr_G, momentum = this.momentum }) {
    Object.assign(this, { lr_D, lr_G, momentum });
    Object.assign(this.opt_D, { lr: lr_D, beta1: momentum });
    Object.assign(this.opt_G, { lr: lr_G, beta1: momentum });
  }

  seen() {
    const real = sample(this.data, SEEN, randomNumbers(this.seed));
    const fake = this.G.forward(this.z, SEEN).slice();
    const place = (i) => -LIMIT + (2 * LIMIT * i) / (SIDE - 1);
    const points = Float64Array.from({ length: 2 * SIDE * SIDE }, (_, k) =>
      k % 2 ? place(Math.floor(k / 2 / SIDE)) : place(Math.floor(k / 2) % SIDE),
    );
    const landscape = how_real(this.D.forward(points, SIDE * SIDE), this.name);
    return { real, fake, arrows: this.pull(fake), landscape, rounds: this.rounds, dLoss: this.d_loss, gLoss: this.g_loss };
  }

  // The arrow at each fake point: minus the gradient of its own share of G's loss, LONGEST for a pull of 1 or more.
  pull(fake) {
    const n = fake.length / 2;
    const slopes = this.D.forward(fake, n).map((s) => this.loss.g(s)[1]);
    const slope = this.D.backward(slopes, n, false);
    for (let i = 0; i < n; i++) {
      const norm = Math.max(1, Math.hypot(slope[2 * i], slope[2 * i + 1]));
      for (const axis of [0, 1]) slope[2 * i + axis] *= -LONGEST / norm;
    }
    return slope;
  }

  // What the picture asks for, as `done` in gan_lab/lessons/playground.py.
  asked({ do: what, ...how }) {
    if (what === "play") this.play(how.rounds);
    if (what === "D") this.step_of_D();
    if (what === "G") this.step_of_G();
    if (what === "reset") this.reset();
    if (what === "choose") this.choose(how);
    if (what === "pace") this.pace(how);
    return this.seen();
  }
}

// D's scores as shares from 0, surely fake, to 1, surely real; a critic's are laid between the lowest and the highest.
export function how_real(score, loss) {
  if (loss === "Wasserstein") {
    const [low, high] = [Math.min(...score), Math.max(...score)];
    return score.map((s) => (s - low) / Math.max(high - low, 1e-12));
  }
  return score.map((s) => (loss === "hinge" ? (Math.min(1, Math.max(-1, s)) + 1) / 2 : sigmoid(s)));
}
