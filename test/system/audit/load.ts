import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { EnrichedEvent } from '../../../src/stream/event.ts';
import { Running, SYSCRIBE, temporary } from '../support/syscribe.ts';

/** Makes as many logged calls (getppid) as each line of its input says, and then one of another kind (getsid). */
const PROGRAM = `
import os, sys
for line in sys.stdin:
    for _ in range(int(line)): os.getppid()
    os.getsid(0)
    print('made', line.strip(), flush=True)
`;

/** A process whose calls are logged, as many as it is told to make. */
export class Load {
  readonly #running: Running;
  /** Its number: events of other processes are none of its. */
  readonly pid: number;

  private constructor(running: Running, pid: number) {
    this.#running = running;
    this.pid = pid;
  }

  static async start(context: TestContext): Promise<Load> {
    const profile = join(temporary(context), 'log.json');
    const rule = { names: ['getppid', 'getsid'], action: 'SCMP_ACT_LOG' };
    writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [rule] }));
    const script = `import os; print(os.getpid(), flush=True)\n${PROGRAM}`;
    const running = new Running(SYSCRIBE, ['run', '-p', profile, '--', '/usr/bin/python3', '-u', '-c', script], {
      stdin: 'pipe',
    });
    const pid = Number((await running.until('stdout', /^(\d+)\n/))[1]);
    const load = new Load(running, pid);
    context.after(() => load.stop());
    return load;
  }

  /** Makes so many calls; returns when they are made. */
  async make(count: number): Promise<void> {
    const before = this.#running.stdout.length;
    this.#running.child.stdin?.write(`${count}\n`);
    await this.#running.until('stdout', new RegExp(`^[^]{${before}}made ${count}\\n`));
  }

  async stop(): Promise<void> {
    this.#running.child.stdin?.end();
    await this.#running.finished;
  }
}

/** Numbers of the events of these calls of a process, in order. */
export function serialsOf(output: string, pid: number, syscall = 'getppid'): number[] {
  const serials: number[] = [];
  for (const line of output.split('\n')) {
    if (!line.endsWith('}')) continue;
    const { process, seccomp, serial }: EnrichedEvent = JSON.parse(line);
    if (process?.pid === pid && seccomp?.syscall === syscall) serials.push(serial);
  }
  return serials;
}

/** What syscribe said it lost at its end: the number in front of `what`, 0 where it said nothing. */
export function lost(stderr: string, what: string): number {
  return Number(new RegExp(`^syscribe: lost: (\\d+) ${what}`, 'm').exec(stderr)?.[1] ?? 0);
}

/** Events of others of this machine that may be lost with a test's own: agents of clusters that run beside log some. */
const OTHERS = 100;

/** Whether all that is missing was reported, and besides it no more than what others, `more` of them known, may have logged. */
export function assertReported(reported: number, missing: number, stderr: string, more = 0): void {
  assert.ok(
    reported >= missing && reported <= missing + more + OTHERS,
    `${missing} are missing, ${reported} reported: ${stderr}`,
  );
}
