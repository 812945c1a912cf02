/** Moments, which the server tells in UTC, in the reader's own zone. */
import { all } from "./elements.js";

// The page is in English, so its dates are too, in the reader's own kind of it.
const [language = "en-GB"] = navigator.languages.filter((each) => each.startsWith("en"));
const manner = new Intl.DateTimeFormat(language, { dateStyle: "long", timeStyle: "short" });

/** Tells all moments below `root` so. @param {ParentNode} root */
export function localise(root) {
  for (const time of all(root, "time[datetime]", HTMLTimeElement)) time.textContent = manner.format(new Date(time.dateTime));
}
