/** The executable's entry: hands the arguments to `cli/` and ends with the exit code it returns. */
import { main } from "#cli";

if (import.meta.main) Deno.exit(await main(Deno.args));
