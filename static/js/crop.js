/** Crops of the artwork for screens and sheets of paper, cut and saved here in the browser; as mixed, if the photo shines through. */
import { all, byId } from "./lib/elements.js";
import { cut } from "./lib/cut.js";
import { _ } from "./lib/words.js";

const TYPES = { jpg: "image/jpeg", png: "image/png" };
const QUALITY = 0.95;
const A4_WIDTH_IN = 8.27, A4_HEIGHT_IN = 11.69;
const STEP = 0.02; // of the picture, by one press of an arrow key

/** @typedef {ReturnType<typeof cut>} Part */

/** @param {AbortSignal} signal */
export function connectCrop(signal) {
  const [stage, frame, words] = ["crop-stage", "crop-frame", "crop-words"].map((id) => byId(id, HTMLElement));
  const sheet = byId("crop", HTMLDialogElement);
  const size = byId("crop-size", HTMLInputElement);
  const fade = byId("fade", HTMLInputElement);
  const shapes = all(sheet, "[name=shape]", HTMLInputElement);
  const picture = { width: Number(sheet.dataset.width), height: Number(sheet.dataset.height) };
  let centre = { x: picture.width / 2, y: picture.height / 2 };

  const shape = () => shapes.find((each) => each.checked)?.value ?? "";
  const part = () => cut(picture, ratioOf(shape()), size.valueAsNumber / 100, centre);
  const photoShare = () => 1 - fade.valueAsNumber / 100;
  const show = () => {
    const { x, y, width, height } = part();
    const place = { "--left": x / picture.width, "--top": y / picture.height, "--width": width / picture.width, "--height": height / picture.height };
    for (const [name, share] of Object.entries(place)) frame.style.setProperty(name, `${100 * share}%`);
    stage.style.setProperty("--fade", String(photoShare()));
    words.textContent = told(width, height, shape());
  };
  const move = (/** @type {number} */ x, /** @type {number} */ y) => {
    const { width, height, ...corner } = part();
    // From where it is held, so that a way beyond the edge need not be gone back.
    centre = { x: corner.x + width / 2 + x * picture.width, y: corner.y + height / 2 + y * picture.height };
    show();
  };

  byId("crop-open", HTMLButtonElement).addEventListener("click", () => {
    sheet.showModal();
    show();
  }, { signal });
  for (const input of [size, ...shapes]) input.addEventListener("input", show, { signal });
  connectFrame(frame, stage, move, signal);
  for (const button of all(sheet, "[data-save]", HTMLButtonElement)) {
    const type = /** @type {keyof typeof TYPES} */ (button.dataset.save);
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        const blob = await made(sheet.dataset, picture.width, part(), type, photoShare());
        download(blob, `${sheet.dataset.name}-${shape().replace(":", "x")}.${type}`);
      } catch {
        words.textContent = _("This browser could not cut it. Make the frame smaller, or download the whole artwork.");
      } finally {
        button.disabled = false;
      }
    }, { signal });
  }
}

/** Width to height. @param {string} shape two numbers, or this screen's */
function ratioOf(shape) {
  const [width, height] = shape === "screen" ? [screen.width, screen.height] : shape.split(":").map(Number);
  return width / height;
}

/** @param {number} width @param {number} height @param {string} shape */
function told(width, height, shape) {
  const inches = { "210:297": A4_WIDTH_IN, "297:210": A4_HEIGHT_IN }[shape];
  if (!inches) return _("{width} × {height} pixels", { width, height });
  return _("{width} × {height} pixels; on A4 that is {dpi} dpi", { width, height, dpi: Math.round(width / inches) });
}

/**
 * @param {HTMLElement} frame
 * @param {HTMLElement} stage
 * @param {(x: number, y: number) => void} move by shares of the picture
 * @param {AbortSignal} signal
 */
function connectFrame(frame, stage, move, signal) {
  /** @type {Record<string, [number, number]>} */
  const arrows = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
  frame.addEventListener("keydown", (event) => {
    if (!arrows[event.key]) return;
    event.preventDefault();
    move(...arrows[event.key]);
  }, { signal });
  frame.addEventListener("pointerdown", (event) => event.button === 0 && frame.setPointerCapture(event.pointerId), { signal });
  frame.addEventListener("pointermove", (event) => {
    if (frame.hasPointerCapture(event.pointerId)) move(event.movementX / stage.clientWidth, event.movementY / stage.clientHeight);
  }, { signal });
}

/**
 * A part of the artwork as a file. Where the photo shines through it has no more pixels than the photo has here.
 * @param {DOMStringMap} from
 * @param {number} whole width of the artwork
 * @param {Part} part
 * @param {keyof typeof TYPES} type
 * @param {number} photoShare
 */
async function made(from, whole, part, type, photoShare) {
  const layers = [{ picture: await loaded(`${from.artwork}.${type}`), opacity: 1 }];
  if (photoShare > 0) layers.push({ picture: await loaded(from.photo ?? ""), opacity: photoShare });
  const scale = Math.min(1, ...layers.map(({ picture }) => picture.naturalWidth / whole));
  const canvas = new OffscreenCanvas(Math.round(scale * part.width), Math.round(scale * part.height));
  const context = canvas.getContext("2d");
  if (!context) throw new Error("There is no canvas of this size");
  context.imageSmoothingQuality = "high";
  for (const { picture, opacity } of layers) {
    const pixels = picture.naturalWidth / whole;
    const [x, y, width, height] = [part.x, part.y, part.width, part.height].map((each) => each * pixels);
    context.globalAlpha = opacity;
    context.drawImage(picture, x, y, width, height, 0, 0, canvas.width, canvas.height);
  }
  return canvas.convertToBlob({ type: TYPES[type], quality: QUALITY });
}

/** @param {string} address */
async function loaded(address) {
  const picture = new Image();
  picture.src = address;
  await picture.decode();
  return picture;
}

/** @param {Blob} blob @param {string} name */
function download(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  // Some browsers read it only after the click has been handled.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
