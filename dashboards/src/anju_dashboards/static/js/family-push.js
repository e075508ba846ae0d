/** Whom this telephone rings for: whoever is logged in, and nobody after the log-out. */
import { beforeLogOut } from "./farewell.js";
import { forget, keepWhom } from "./push-here.js";

beforeLogOut(forget);
void keepWhom().catch(() => undefined);
