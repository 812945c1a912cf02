/** Moments, which the server tells in UTC, in the reader's own zone. */
import { all } from "./elements.js";
import { language, manner } from "./words.js";

// In the page's language, and in the reader's own kind of it.
const [own = manner] = navigator.languages.filter((each) => each.split("-")[0] === language.split("-")[0]);
const told = new Intl.DateTimeFormat(own, { dateStyle: "long", timeStyle: "short" });

/** Tells all moments below `root` so. @param {ParentNode} root */
export function localise(root) {
  for (const time of all(root, "time[datetime]", HTMLTimeElement)) time.textContent = told.format(new Date(time.dateTime));
}
