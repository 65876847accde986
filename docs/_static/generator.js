// A generator of the course, in the page: the layers of gan_lab/networks/dcgan.py in evaluation mode, for one image.
// A test holds it to PyTorch.
//
//   const G = new Generator(weights)         weights: what docs/generator_weights.py has written
//   G.draw(z)  G.draw(z, shares)             z: G.z_dim numbers -> 32 x 32 pixels in [-1, 1], row by row

export class Generator {
  constructor({ z_dim, classes, layers, directions, halves }) {
    Object.assign(this, { z_dim, classes, directions });
    const numbers = from_halves(halves);
    let read = 0;
    const take = (n) => numbers.subarray(read, (read += n));
    this.layers = layers.map((layer) => LAYERS[layer.kind](layer, take));
  }

  draw(z, shares = []) {
    return this.layers.reduce((x, layer) => layer(x), Float64Array.from([...z, ...shares]));
  }
}

// Each kind of layer: what it says of itself, and its numbers -> a function of the maps, C H W numbers in a row.
const LAYERS = {
  linear({ from, to }, take) {
    const W = take(from * to); // (to, from)
    return (x) => {
      const y = new Float64Array(to);
      for (let o = 0; o < to; o++) {
        for (let k = 0; k < from; k++) y[o] += W[o * from + k] * x[k];
      }
      return y;
    };
  },

  batch_norm({ channels, eps }, take) {
    const [scale, shift, mean, variance] = [0, 1, 2, 3].map(() => take(channels));
    return (x) => {
      const n = x.length / channels;
      return x.map((value, i) => {
        const c = Math.floor(i / n);
        return (scale[c] * (value - mean[c])) / Math.sqrt(variance[c] + eps) + shift[c];
      });
    };
  },

  // Kernel 4, stride 2, padding 1: each value goes to 4 x 4 places, added up in a picture with a frame of 1.
  conv_transpose({ from, to, bias }, take) {
    const W = take(from * to * 16); // (from, to, 4, 4)
    const b = bias ? take(to) : new Float64Array(to);
    return (x) => {
      const side = Math.sqrt(x.length / from);
      const framed = 2 * side + 2;
      const sum = new Float64Array(to * framed * framed);
      for (let c = 0, at = 0; c < from; c++) {
        for (let i = 0; i < side; i++) {
          for (let j = 0; j < side; j++, at++) {
            const value = x[at];
            if (value === 0) continue; // as the half of them is, behind a ReLU
            let goes = 2 * i * framed + 2 * j;
            for (let w = c * to * 16; w < (c + 1) * to * 16; goes += (framed - 4) * framed) {
              for (let row = 0; row < 4; row++, w += 4, goes += framed) {
                sum[goes] += value * W[w];
                sum[goes + 1] += value * W[w + 1];
                sum[goes + 2] += value * W[w + 2];
                sum[goes + 3] += value * W[w + 3];
              }
            }
          }
        }
      }
      const y = new Float64Array(to * 4 * side * side);
      for (let o = 0, k = 0; o < to; o++) {
        for (let i = 1; i <= 2 * side; i++) {
          for (let j = 1; j <= 2 * side; j++) y[k++] = sum[(o * framed + i) * framed + j] + b[o];
        }
      }
      return y;
    };
  },

  relu: () => (x) => x.map((value) => Math.max(0, value)),
  tanh: () => (x) => x.map(Math.tanh),
};

// Numbers of 16 bits in base64: a sign, 5 bits of exponent, 10 bits of fraction.
function from_halves(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const powers = Array.from({ length: 32 }, (_, e) => 2 ** (Math.max(e, 1) - 25));
  return Float64Array.from(new Uint16Array(bytes.buffer), (half) => {
    const e = (half >> 10) & 31;
    const size = ((half & 1023) + (e ? 1024 : 0)) * powers[e];
    return half & 0x8000 ? -size : size;
  });
}

// -------------------------------------------------------------------------------------------- the space of the noise

// z ~ N(0, I), by Box and Muller.
export function noise(n, uniform = Math.random) {
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return Float64Array.from({ length: n }, normal);
}

export const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

// From a to b on a great circle, as gan_lab/latent.py has it.
export function slerp(a, b, t) {
  const cosine = dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
  const sine = Math.sin(angle);
  const [p, q] = sine < 1e-4 ? [1 - t, t] : [Math.sin((1 - t) * angle) / sine, Math.sin(t * angle) / sine];
  return a.map((value, i) => p * value + q * b[i]);
}

// z, moved along a unit vector until its part along it is `value`.
export function moved(z, direction, value) {
  const by = value - dot(z, direction);
  return z.map((entry, i) => entry + by * direction[i]);
}
