import assert from "node:assert/strict";
import {
  changelogProblems,
  compareVersions,
  releaseProblems,
  statedProblems,
} from "../../scripts/check_release.ts";

const HEAD = "# Changelog\n\nProse with 0.0.1 in it.\n\n";
const NEW = "## Unreleased\n\n### Added\n\n- A thing.\n\n";
const SECOND = "## 0.2.0 - 2026-11-29\n\n### Fixed\n\n- A fault.\n\n";
const FIRST = "## [0.1.0] - 2026-01-31\n\n- Everything.\n";

/** The problems of a changelog for version 0.2.0 on the day of its entry. */
function problemsOf(markdown: string, final: boolean, version = "0.2.0"): string[] {
  return changelogProblems(HEAD + markdown, { version, final, today: "2026-11-29" });
}

Deno.test("changelogProblems accepts what is new under Unreleased or under the version", () => {
  assert.deepEqual(problemsOf(NEW, false), []);
  assert.deepEqual(problemsOf(NEW + FIRST, false), []);
  assert.deepEqual(problemsOf(SECOND + FIRST, false), []);
  assert.deepEqual(problemsOf(NEW + SECOND + FIRST, false), []);
});

Deno.test("changelogProblems lets a release have only an entry with lines and a date", () => {
  assert.deepEqual(problemsOf(SECOND + FIRST, true), []);
  assert.deepEqual(problemsOf(SECOND + FIRST.replace("31", "31 [YANKED]"), true), []);
  assert.deepEqual(problemsOf("## Unreleased\n\n" + SECOND, true), []);
  assert.deepEqual(problemsOf(NEW + FIRST, true), [
    'CHANGELOG.md: no entry for 0.2.0: add the heading "## 0.2.0 - 2026-11-29"',
    'CHANGELOG.md: "Unreleased" still has lines: move them below "## 0.2.0 - 2026-11-29"',
  ]);
  assert.match(problemsOf(SECOND.replace("- A", "A"), true).join(), /entry for 0\.2\.0 is empty/);
});

Deno.test("changelogProblems wants something to be said between releases", () => {
  for (const markdown of ["", FIRST, "## Unreleased\n\n### Added\n\n" + FIRST]) {
    assert.match(problemsOf(markdown, false).join(), /neither an entry .* nor lines under/);
  }
});

Deno.test("changelogProblems refuses dates that are missing, no dates, or to come", () => {
  const dated = (date: string) => problemsOf(SECOND.replace("2026-11-29", date), true);
  assert.match(problemsOf(SECOND.replace(" - 2026-11-29", ""), true).join(), /has no date/);
  assert.match(dated("2026-02-30").join(), /0\.2\.0 has no date/);
  assert.match(dated("29.11.2026").join(), /is neither "Unreleased" nor/);
  assert.deepEqual(dated("2026-11-30"), []);
  assert.match(dated("2026-12-01").join(), /still to come/);
});

Deno.test("changelogProblems refuses versions that are newer than deno.json or out of order", () => {
  assert.match(problemsOf(SECOND + FIRST, false, "0.1.0").join(), /but deno\.json says 0\.1\.0/);
  assert.match(
    problemsOf(FIRST + SECOND, false).join(),
    /0\.2\.0 has an entry, but 0\.1\.0 stands/,
  );
  assert.match(problemsOf(SECOND + SECOND, false).join(), /but 0\.2\.0 stands above it/);
  assert.match(problemsOf(SECOND.replace("0.2.0", "0.2"), false).join(), /0\.2 is no version/);
});

Deno.test("compareVersions orders as semver.org says", () => {
  const ordered = ["0.9.0", "0.10.0-alpha", "0.10.0-rc.2", "0.10.0-rc.10", "0.10.0", "1.0.0"];
  for (const [index, version] of ordered.entries()) {
    assert.equal(compareVersions(version, version), 0);
    for (const later of ordered.slice(index + 1)) {
      assert.ok(compareVersions(version, later) < 0, `${version} before ${later}`);
      assert.ok(compareVersions(later, version) > 0, `${later} after ${version}`);
    }
  }
});

Deno.test("statedProblems finds every form of another version", () => {
  const stated = [
    "skychat-0.1.0-x86_64-unknown-linux-gnu",
    "skychat_0.1.0_amd64.deb",
    "User-Agent: skychat/0.1.0",
    "image: example/skychat:0.1.0",
    '.TH SKYCHAT 1 "2026" "skychat 0.1.0"',
    "ARG VERSION=0.1.0",
    'LABEL org.opencontainers.image.version="0.1.0"',
    "Version: 0.1.0",
  ];
  for (const line of stated) {
    const text = `first\n${line}\n`;
    assert.deepEqual(statedProblems(text, { path: "x", version: "0.2.0" }), [
      "x:2: says 0.1.0, but deno.json says 0.2.0",
    ], line);
    assert.deepEqual(statedProblems(text, { path: "x", version: "0.1.0" }), [], line);
    assert.deepEqual(statedProblems(text, { path: "x", version: "0.1.0-rc.1" }), [], line);
  }
});

Deno.test("statedProblems leaves other programs alone", () => {
  const text = "the protocol of skywire's\nskychat 1.3.94, deno@2.9.6, ARG DENO_VERSION=2.9.6, " +
    "skychat-10.1.0.7, Standards-Version: 4.6.2, skychat-<version>-x86_64\n";
  assert.deepEqual(statedProblems(text, { path: "x", version: "0.1.0" }), []);
});

Deno.test("releaseProblems reads the tree, without tests and older entries", async () => {
  const root = await Deno.makeTempDir({ prefix: "skychat-release-" });
  const claim = { final: false, today: "2026-11-29" };
  try {
    await Deno.mkdir(`${root}/tests`);
    await Deno.writeTextFile(`${root}/deno.json`, `{ "version": "0.2.0" }`);
    assert.deepEqual(releaseProblems(claim, root).problems, ["CHANGELOG.md is missing"]);
    await Deno.writeTextFile(`${root}/CHANGELOG.md`, `${HEAD}${NEW}- as skychat 0.1.0 did\n`);
    await Deno.writeTextFile(`${root}/tests/a_test.ts`, "// skychat-0.1.0-x");
    assert.deepEqual(releaseProblems(claim, root), { version: "0.2.0", problems: [] });
    await Deno.writeTextFile(`${root}/README.md`, "Take skychat-0.1.0-x86_64.");
    assert.deepEqual(releaseProblems(claim, root).problems, [
      "README.md:1: says 0.1.0, but deno.json says 0.2.0",
    ]);
    await Deno.writeTextFile(`${root}/deno.json`, `{ "version": "0.2" }`);
    assert.match(releaseProblems(claim, root).problems.join(), /^deno\.json: "0\.2" is no version/);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("this tree is that of one version", () => {
  const today = new Date().toISOString().slice(0, 10);
  assert.deepEqual(releaseProblems({ final: false, today }).problems, []);
});
