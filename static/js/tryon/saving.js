/** Whether the visitor saves data or a nearly empty battery: then nothing is painted that was not asked for. */

const LOW = 0.2;

/** @typedef {{charging: boolean, level: number}} Battery */

/** Browsers that tell nothing of it are taken to have enough. */
export async function isSaving() {
  const connection = /** @type {{saveData?: boolean} | undefined} */ (Reflect.get(navigator, "connection"));
  if (connection?.saveData || matchMedia("(prefers-reduced-data: reduce)").matches) return true;
  const ask = /** @type {(() => Promise<Battery>) | undefined} */ (Reflect.get(navigator, "getBattery"));
  const battery = await ask?.call(navigator).catch(() => null);
  return battery ? !battery.charging && battery.level <= LOW : false;
}
