const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of `1m30s`; undefined for what is not such. */
export function durationOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^(\d+[smh])+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+)([smh])/g)];
  return parts.reduce((total, [, number, unit]) => total + Number(number) * (UNITS[unit as string] as number), 0);
}
