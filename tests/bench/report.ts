import type { Target } from "./targets.ts";

/** What a figure is compared with; measured in the same run. */
export interface Floor {
  readonly name: string;
  /** In the unit of the row. */
  readonly value: number;
}

/** One figure of a run: a median over its rounds unless its name says otherwise. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly floor?: Floor;
  readonly target?: Target;
  /** (max - min) / median over the rounds. */
  readonly spread?: number;
  readonly note?: string;
}

/** A row as it stands in the JSON report. `ratio`, `target` and `met` are null when there is none. */
export interface ReportedRow {
  readonly part: string;
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly ratio: number | null;
  readonly floor: Floor | null;
  readonly target: string | null;
  readonly met: boolean | null;
  readonly spread: number | null;
  readonly note: string | null;
}

/** A row with its ratio and verdict worked out. */
export function reported(part: string, row: Row): ReportedRow {
  const { floor, target } = row;
  return {
    part,
    name: row.name,
    value: row.value,
    unit: row.unit,
    ratio: floor === undefined ? null : row.value / floor.value,
    floor: floor ?? null,
    target: target?.text ?? null,
    met: target === undefined ? null : target.met(row.value, floor?.value ?? NaN),
    spread: row.spread ?? null,
    note: row.note ?? null,
  };
}

const HEADINGS = ["part", "what", "value", "", "floor", "ratio", "target", "", "note"];
/** Columns whose entries end at the same place, because they are numbers. */
const RIGHT = new Set([2, 4, 5]);

/** The rows as an aligned table for people. */
export function table(rows: readonly ReportedRow[]): string {
  const lines = [HEADINGS, ...rows.map(cells)];
  const widths = HEADINGS.map((_, column) =>
    Math.max(...lines.map((line) => (line[column] ?? "").length))
  );
  return lines.map((line) =>
    line.map((cell, column) => {
      const width = widths[column] ?? 0;
      return RIGHT.has(column) ? cell.padStart(width) : cell.padEnd(width);
    }).join("  ").trimEnd()
  ).join("\n");
}

function cells(row: ReportedRow): string[] {
  return [
    row.part,
    row.name,
    figure(row.value),
    row.unit,
    row.floor === null ? "" : figure(row.floor.value),
    row.ratio === null ? "" : row.ratio.toFixed(2),
    row.target ?? "",
    row.met === null ? "" : row.met ? "met" : "NOT MET",
    [row.note ?? "", row.floor === null ? "" : `floor: ${row.floor.name}`]
      .filter((text) => text !== "").join("; "),
  ];
}

/** Three digits that say something; thousands apart, as `364,000`. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "-";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1_000) return Number(value.toPrecision(3)).toLocaleString("en-US");
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}
