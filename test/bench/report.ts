/** Turns samples into the page and into what the terminal shows. */
import type { CommandRound } from './commands.ts';
import { CONDITIONS, type Condition } from './conditions.ts';
import type { LoopRound } from './loops.ts';
import { type Estimate, estimateMedian, estimateRatio, median } from './stats.ts';

export interface Target {
  readonly what: string;
  readonly ratio: Estimate;
  readonly target: number;
}

const NAMES: Record<Condition, string> = {
  bare: 'nothing attached',
  empty: 'an empty `tp_btf/sys_enter` program',
  unrelated: 'another process is recorded',
  recorded: 'the process itself is recorded',
  host: 'a cgroup is recorded, the process is outside',
};

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

export function withInterval({ value, low, high }: Estimate, digits: number): string {
  return `${value.toFixed(digits)} (${low.toFixed(digits)} to ${high.toFixed(digits)})`;
}

/** Cost of one operation under every condition, in nanoseconds divided by `unit`. */
export function loopTable(rounds: readonly LoopRound[], unit: number, digits: number): string {
  const rows = CONDITIONS.map((condition) => {
    const added = estimateMedian(rounds, (round) => (round[condition] - round.bare) / unit);
    return [
      NAMES[condition],
      withInterval(
        estimateMedian(rounds, (round) => round[condition] / unit),
        digits,
      ),
      condition === 'bare' ? '' : withInterval(added, digits),
      condition === 'bare'
        ? ''
        : withInterval(
            estimateMedian(rounds, (round) => round[condition] / round.bare),
            3,
          ),
    ];
  });
  const name = unit === 1 ? 'ns' : 'µs';
  return table(['', name, `added, ${name}`, 'ratio to nothing attached'], rows);
}

/** What a condition adds, in terms of what an empty program adds. */
export function addedRatio(rounds: readonly LoopRound[], condition: Condition): Estimate {
  return estimateRatio(
    rounds,
    (round) => round[condition] - round.bare,
    (round) => round.empty - round.bare,
  );
}

export function recordedRatio(rounds: readonly CommandRound[]): Estimate {
  return estimateMedian(rounds, ({ bare, recorded }) => recorded.milliseconds / bare.milliseconds);
}

export function commandTable(rounds: readonly CommandRound[]): string {
  const rows = [
    [
      'bare',
      withInterval(
        estimateMedian(rounds, ({ bare }) => bare.milliseconds),
        1,
      ),
      '',
    ],
    [
      '`syscribe record`',
      withInterval(
        estimateMedian(rounds, ({ recorded }) => recorded.milliseconds),
        1,
      ),
      withInterval(recordedRatio(rounds), 3),
    ],
  ];
  const traced = rounds.flatMap(({ bare, strace }) => (strace ? [{ bare, strace }] : []));
  if (traced.length > 0) {
    const ratios = traced.map(({ bare, strace }) => strace.milliseconds / bare.milliseconds);
    const range = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)} in ${ratios.length} rounds`;
    const middle = median(traced.map(({ strace }) => strace.milliseconds));
    rows.push(['`strace -f`', middle.toFixed(1), `${median(ratios).toFixed(2)} (${range})`]);
  }
  return table(['', 'ms', 'ratio to bare'], rows);
}

export function targetTable(targets: readonly Target[]): string {
  const rows = targets.map(({ what, ratio, target }) => [
    what,
    withInterval(ratio, 3),
    `≤ ${target.toFixed(2)}`,
    verdict(ratio, target),
  ]);
  return table(['', 'ratio', 'target', ''], rows);
}

function verdict({ value, low, high }: Estimate, target: number): string {
  const clear = value <= target ? high <= target : low > target;
  return `${value <= target ? 'met' : 'missed'}${clear ? '' : ', not clearly: the interval reaches across'}`;
}
