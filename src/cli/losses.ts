import type { StreamCounts } from '../stream/pipeline.ts';

/** What did not come through, a clause each; empty when nothing is known to be missing. */
export function describeLosses(counts: StreamCounts): string[] {
  const { gaps, overflows, dropped, breaks, kernelLost = 0, processesLost, unparsed } = counts;
  const told: [number, string][] = [
    [gaps, 'events whose serial numbers never came'],
    [overflows, 'overflows of the socket'],
    [dropped, 'events dropped since they were read too slowly'],
    [kernelLost, 'records lost in the kernel (auditctl -s: lost)'],
    [breaks, 'breaks in the file (cut off, or the position not found)'],
    [unparsed, 'lines that are no records although they say so'],
    [processesLost, 'births of processes not told by the kernel'],
  ];
  return told.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
}
