// A virtual user that holds all that the suite holds, and does nothing.
import "../../scripts/suite.ts";

export { idle as default, options } from "./bare-user.ts";
