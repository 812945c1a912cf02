/** The page that others see. */
import { localise } from "./lib/moments.js";

localise(document);
