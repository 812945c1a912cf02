/** A drawing: at each pixel the number of a part. Edges are sharp, because between two parts there is no third. */

/** @typedef {import("../brush/marks.js").Place} Place */
/** A drawing in few numbers: part and length of each run, row after row. @typedef {{width: number, height: number, runs: number[]}} Runs */

export class Labels {
  width;
  height;
  data;

  /** All of it is part 0, the ground. @param {number} width @param {number} height */
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.data = new Uint8Array(width * height);
  }

  /** @param {Runs} runs */
  static of({ width, height, runs }) {
    const labels = new Labels(width, height);
    for (let at = 0, index = 0; index < runs.length; index += 2) labels.data.fill(runs[index], at, (at += runs[index + 1]));
    return labels;
  }

  /** @returns {Runs} */
  runs() {
    const { width, height, data } = this;
    const runs = [];
    for (let from = 0, at = 1; at <= data.length; at++) {
      if (at < data.length && data[at] === data[from]) continue;
      runs.push(data[from], at - from);
      from = at;
    }
    return { width, height, runs };
  }

  /**
   * Draws with a round brush from one place to another.
   * @param {Place} from
   * @param {Place} to
   * @param {number} radius a share of the longer side
   * @param {number} part
   */
  stroke(from, to, radius, part) {
    const { width, height, data } = this;
    const reach = Math.max(0.75, radius * Math.max(width, height));
    const [x0, y0, x1, y1] = [from.x * width, from.y * height, to.x * width, to.y * height];
    const [dx, dy] = [x1 - x0, y1 - y0];
    const length = dx * dx + dy * dy || 1;
    const [left, right] = [Math.max(0, Math.floor(Math.min(x0, x1) - reach)), Math.min(width, Math.ceil(Math.max(x0, x1) + reach))];
    const [top, bottom] = [Math.max(0, Math.floor(Math.min(y0, y1) - reach)), Math.min(height, Math.ceil(Math.max(y0, y1) + reach))];
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) {
        const x = column + 0.5 - x0;
        const y = row + 0.5 - y0;
        const share = Math.min(1, Math.max(0, (x * dx + y * dy) / length));
        if ((x - share * dx) ** 2 + (y - share * dy) ** 2 <= reach * reach) data[row * width + column] = part;
      }
    }
  }

  /** Gives a part to all that hangs together with a place and is of one part. @param {Place} place @param {number} part */
  fill(place, part) {
    const { width, height, data } = this;
    const [column, row] = [Math.min(width - 1, Math.floor(place.x * width)), Math.min(height - 1, Math.floor(place.y * height))];
    const before = data[row * width + column];
    if (before === part) return;
    const open = [row * width + column];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (data[at] !== before) continue;
      data[at] = part;
      if (at % width > 0) open.push(at - 1);
      if (at % width < width - 1) open.push(at + 1);
      if (at >= width) open.push(at - width);
      if (at < data.length - width) open.push(at + width);
    }
  }

  /** The same drawing in another shape, stretched. @param {number} width @param {number} height */
  reshaped(width, height) {
    const labels = new Labels(width, height);
    for (let row = 0; row < height; row++) {
      const source = Math.floor(((row + 0.5) * this.height) / height) * this.width;
      for (let column = 0; column < width; column++) {
        labels.data[row * width + column] = this.data[source + Math.floor(((column + 0.5) * this.width) / width)];
      }
    }
    return labels;
  }
}
