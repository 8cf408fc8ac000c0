import { Kernel } from './conditions.ts';
import { measureLoop } from './loops.ts';
import { Programs } from './programs.ts';
import { estimateMedian, estimateRatio } from './stats.ts';

using programs = new Programs();
await using kernel = new Kernel(programs);
const d = { count: 0 };
for (const [cmd, n] of [
  [[programs.path('getppid'), '100', '3000'], 25],
  [[programs.path('spawn'), '20', '10', programs.path('nothing')], 15],
] as const) {
  const t = Date.now();
  const rounds = await measureLoop(kernel, cmd as never, n, d);
  console.log(Date.now() - t, 'ms', d);
  for (const c of ['bare', 'empty', 'unrelated', 'recorded', 'host'] as const) {
    console.log(c, rounds.map((r) => r[c].toFixed(0)).join(' '));
    console.log(
      '  ',
      estimateMedian(rounds, (r) => r[c]),
      'added',
      estimateMedian(rounds, (r) => r[c] - r.bare).value,
      'ratio',
      estimateRatio(
        rounds,
        (r) => r[c] - r.bare,
        (r) => r.empty - r.bare,
      ),
    );
  }
}
