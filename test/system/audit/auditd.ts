import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { auditStatus } from '../../../src/capture/audit/socket.ts';
import { until } from '../../support/until.ts';
import { Running, temporary } from '../support/syscribe.ts';

/** A real auditd of the test's own. The kernel has one at a time. */
export class Auditd {
  readonly log: string;
  readonly #settings: string;
  #running: Running;

  private constructor(log: string, settings: string) {
    this.log = log;
    this.#settings = settings;
    this.#running = this.#run();
  }

  /**
   * @param log where it writes; in a directory of the test's own unless given.
   * @param changed settings that are not as usual.
   */
  static async start(context: TestContext, log?: string, changed: Record<string, string> = {}): Promise<Auditd> {
    let auditd: Auditd | undefined;
    // Without a limit: behind one, auditd itself waits up to a minute when it is signalled (it asks the kernel by whom;
    // audit_receive(): "penalize the sender"), for a queue that nobody else empties.
    const restore = limitBacklog(0);
    context.after(async () => {
      await auditd?.stop();
      restore();
      execFileSync('auditctl', ['-e', '0'], { stdio: 'ignore' });
    });
    const directory = temporary(context);
    if (auditStatus()?.pid !== 0) throw new Error('another auditd runs on this machine: the tests need it stopped');
    const file = log ?? join(directory, 'audit.log');
    mkdirSync(join(directory, 'plugins'));
    writeFileSync(join(directory, 'auditd.conf'), settings(file, join(directory, 'plugins'), changed), { mode: 0o640 });
    auditd = new Auditd(file, directory);
    await auditd.#ready();
    return auditd;
  }

  get pid(): number {
    return this.#running.pid;
  }

  /** Has it begin a new file: what was written is renamed. */
  rotate(): void {
    process.kill(this.pid, 'SIGUSR1');
  }

  async stop(): Promise<void> {
    this.#running.child.kill('SIGTERM');
    await this.#running.finished;
  }

  /** After {@link stop}. */
  async startAgain(): Promise<void> {
    this.#running = this.#run();
    await this.#ready();
  }

  #run(): Running {
    return new Running('auditd', ['-n', '-c', this.#settings]);
  }

  async #ready(): Promise<void> {
    const over = () => (this.#running.child.exitCode === null ? undefined : this.#running.stderr);
    await until('the kernel writes to auditd', () => auditStatus()?.pid === this.pid, { over });
  }
}

/**
 * How many records the kernel's queue may hold, and how long (in jiffies) a process waits for room in it before its record
 * is lost; returns what puts that back.
 */
export function limitBacklog(limit: number, wait?: number): () => void {
  const status = execFileSync('auditctl', ['-s'], { encoding: 'utf8' });
  const current = (name: string) => new RegExp(`^${name} (\\d+)$`, 'm').exec(status)?.[1] ?? '';
  const set = (length: string, wait: string) =>
    execFileSync('auditctl', ['-b', length, '--backlog_wait_time', wait], { stdio: 'ignore' });
  const before = [current('backlog_limit'), current('backlog_wait_time')] as const;
  set(`${limit}`, `${wait ?? before[1]}`);
  return () => set(...before);
}

function settings(log: string, plugins: string, changed: Record<string, string>): string {
  const usual = `local_events = yes
write_logs = yes
log_file = ${log}
log_group = root
log_format = RAW
flush = INCREMENTAL_ASYNC
freq = 50
max_log_file = 100
num_logs = 99
max_log_file_action = ROTATE
space_left = 2
admin_space_left = 1
space_left_action = IGNORE
admin_space_left_action = IGNORE
disk_full_action = IGNORE
disk_error_action = IGNORE
plugin_dir = ${plugins}
`;
  return usual.replace(/^(\w+) = .*$/gm, (line, name: string) =>
    name in changed ? `${name} = ${changed[name]}` : line,
  );
}
