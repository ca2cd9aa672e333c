import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { type MetricFamily, renderMetrics } from "#metrics";
import * as fc from "fast-check";
import { parseExposition } from "./exposition_parser.ts";

const SSE: MetricFamily = {
  name: "skychat_sse_clients",
  help: "Clients that read events.",
  type: "gauge",
  samples: [
    { labels: { stream: "sse" }, value: 1 },
    { labels: { stream: "events" }, value: 0.5 },
  ],
};
const INBOUND: MetricFamily = {
  name: "skychat_inbound_messages_total",
  help: "Messages received.",
  type: "counter",
  samples: [{ value: 12 }],
};

Deno.test("renderMetrics writes families and samples in one order", () => {
  const expected = `# HELP skychat_inbound_messages_total Messages received.
# TYPE skychat_inbound_messages_total counter
skychat_inbound_messages_total 12
# HELP skychat_sse_clients Clients that read events.
# TYPE skychat_sse_clients gauge
skychat_sse_clients{stream="events"} 0.5
skychat_sse_clients{stream="sse"} 1
`;
  strictEqual(renderMetrics([SSE, INBOUND]), expected);
  strictEqual(renderMetrics([INBOUND, { ...SSE, samples: SSE.samples.toReversed() }]), expected);
});

Deno.test("renderMetrics escapes help and label values", () => {
  const text = renderMetrics([{
    name: "a",
    help: 'one\ntwo "three" \\',
    type: "gauge",
    samples: [{ labels: { b: 'x"y\\z\n', a: "ü\ud800" }, value: -1 }],
  }]);
  strictEqual(
    text,
    '# HELP a one\\ntwo "three" \\\\\n# TYPE a gauge\na{a="ü\ufffd",b="x\\"y\\\\z\\n"} -1\n',
  );
});

Deno.test("renderMetrics writes every number as Prometheus reads it", () => {
  const values = [0, -0, 1.5, 1e21, 1e-7, 2 ** 53, Infinity, -Infinity, NaN];
  const text = renderMetrics([{
    name: "a",
    help: "",
    type: "gauge",
    samples: values.map((value, n) => ({ labels: { n: String(n) }, value })),
  }]);
  const read = parseExposition(text).get("a")?.samples.map(({ value }) => value);
  deepStrictEqual(read, values.map((value) => value === 0 ? 0 : value));
});

Deno.test("renderMetrics leaves a family without samples out", () => {
  strictEqual(renderMetrics([{ ...INBOUND, samples: [] }]), "");
  strictEqual(renderMetrics([]), "");
});

Deno.test("renderMetrics throws at bad and repeated names", () => {
  for (const name of ["", "1a", "a-b", "a b", "ä", "a\n"]) {
    throws(() => renderMetrics([{ ...INBOUND, name }]), TypeError, name);
  }
  for (const label of ["", "1a", "a-b", "__a", "a:b"]) {
    const samples = [{ labels: { [label]: "x" }, value: 1 }];
    throws(() => renderMetrics([{ ...INBOUND, samples }]), TypeError, label);
  }
  throws(
    () => renderMetrics([INBOUND, SSE, INBOUND]),
    /skychat_inbound_messages_total comes twice/,
  );
  const twice = [{ labels: { a: "1", b: "2" }, value: 1 }, {
    labels: { b: "2", a: "1" },
    value: 2,
  }];
  throws(() => renderMetrics([{ ...SSE, samples: twice }]), /comes twice/);
});

Deno.test("renderMetrics writes what a strict reader reads back", () => {
  const label = fc.tuple(fc.constantFrom("a", "b", "_c", "d9"), fc.string({ unit: "binary" }));
  const sample = fc.record({
    labels: fc.array(label, { maxLength: 3 }).map((pairs) => Object.fromEntries(pairs)),
    value: fc.double(),
  });
  const family = fc.record({
    name: fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,5}$/),
    help: fc.string({ unit: "binary" }).map((text) => text.replaceAll("\r", "")),
    type: fc.constantFrom("counter" as const, "gauge" as const),
    samples: fc.uniqueArray(sample, {
      minLength: 1,
      maxLength: 4,
      selector: ({ labels }) => JSON.stringify(Object.entries(labels).sort()),
    }),
  });
  const families = fc.uniqueArray(family, { maxLength: 4, selector: ({ name }) => name });
  fc.assert(
    fc.property(families, (list) => {
      const read = parseExposition(renderMetrics(list));
      deepStrictEqual([...read.keys()], list.map(({ name }) => name).sort());
      for (const { name, help, type, samples } of list) {
        const found = read.get(name);
        deepStrictEqual([found?.help, found?.type], [help, type]);
        const series = (labels: Iterable<[string, string]>) => JSON.stringify([...labels].sort());
        deepStrictEqual(
          new Map(found?.samples.map(({ labels, value }) => [series(labels), value])),
          new Map(
            samples.map((
              { labels, value },
            ) => [series(Object.entries(labels)), Object.is(value, -0) ? 0 : value]),
          ),
        );
      }
    }),
    { numRuns: 200 },
  );
});
