/** Costs of one operation under each condition: interleaved samples of a loop in C. */
import { CONDITIONS, type Condition, type Kernel } from './conditions.ts';
import { Dialogue } from './programs.ts';
import { randomNumbers, shuffled } from './stats.ts';

/** Nanoseconds per operation under each condition. */
export type LoopRound = Readonly<Record<Condition, number>>;

/** @param command the loop: a new process for every sample, since a task that was recorded once is not like a new one. */
export async function measureLoop(
  kernel: Kernel,
  command: readonly [string, ...string[]],
  rounds: number,
): Promise<LoopRound[]> {
  const random = randomNumbers(rounds);
  const result: LoopRound[] = [];
  for (let round = 0; round < rounds; round++) {
    const times: Record<Condition, number> = { bare: 0, empty: 0, unrelated: 0, recorded: 0, host: 0 };
    for (const condition of shuffled(CONDITIONS, random))
      times[condition] = await kernel.undisturbed(() => measure(kernel, command, condition));
    result.push(times);
  }
  return result;
}

async function measure(
  kernel: Kernel,
  command: readonly [string, ...string[]],
  condition: Condition,
): Promise<number | undefined> {
  await using loop = new Dialogue(...command);
  await using _ = await kernel.enter(condition, loop.pid);
  const tracers = await kernel.tracers();
  const time = Number(await loop.ask(''));
  return (await kernel.tracers()) === tracers ? time : undefined;
}
