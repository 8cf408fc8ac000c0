import { constants } from 'node:os';
import type { Command as Program } from 'commander';
import type { AuditEvent } from '../capture/audit/event.ts';
import { Command, type Exit } from '../command/command.ts';
import { logInstead, verdict } from '../command/dry-run.ts';
import { type CompiledFilter, compileFilter } from '../command/filter.ts';
import { type Abi, machine, machineAbis } from '../kernel/abi.ts';
import { syscallName } from '../kernel/syscalls.ts';
import { SyscribeError } from '../platform/errors.ts';
import type { Profile } from '../profile/seccomp/model.ts';
import { loggedCall, SeccompLog } from '../recording/audit/log.ts';
import { RecordingSession } from '../recording/ebpf/session.ts';
import type { Observation } from '../recording/observation.ts';
import { EXIT } from './exit.ts';
import { complain } from './output.ts';
import { readProfile } from './profile-file.ts';
import { SignalPasser } from './signals.ts';

interface Options {
  readonly profile: string;
  readonly dryRun?: true;
  readonly privileged?: true;
}

const HELP = `
The filter is made as runc makes it: libseccomp, names it does not know left out, ENOSYS for calls newer than the
profile. What is refused is told as it happens, where the kernel's audit log can be read (as root). The exit status is
the command's; with --dry-run it is 0 if nothing would have been refused, 1 if something would, 3 if that could not be told.

Examples:
  $ sudo syscribe run -p nginx.yaml -- nginx -g 'daemon off;'
  $ sudo syscribe run -p nginx.yaml --dry-run -- nginx -t`;

export function register(program: Program): void {
  program
    .command('run')
    .description('Run a command under a seccomp profile, and report every denial')
    .argument('<command...>', 'the command and its arguments, after --')
    .passThroughOptions()
    .requiredOption('-p, --profile <file>', 'a SeccompProfile resource, or the JSON that runc takes')
    .option('--dry-run', 'refuse nothing, list what would have been refused')
    .option('--privileged', 'run the command as root, not as the user behind sudo')
    .addHelpText('after', HELP)
    .action(async (command: string[], options: Options) => {
      process.exitCode = await run(command, options);
    });
}

const ACTION_NAMES = new Map<string, string>([
  ['kill_process', 'the process is killed'],
  ['kill_thread', 'the thread is killed'],
  ['trap', 'SIGSYS is sent'],
  ['errno', 'refused'],
  ['trace', 'refused: no tracer'],
  ['log', 'logged'],
]);

/** What ran under the filter and how that ended. */
interface Outcome {
  readonly exit: Exit;
  /** Absent where eBPF could not be loaded. */
  readonly observation?: Observation;
}

/** Denials of the command and its descendants: told once for each process and call, counted ever after. */
class DenialLog {
  readonly calls = new Map<string, { abi: Abi; nr: number; comm: string; pid: number }>();
  readonly pids = new Set<number>();
  session: RecordingSession | undefined;
  repeated = 0;
  readonly #told = new Set<string>();
  readonly #quiet: boolean;

  constructor(quiet: boolean) {
    this.#quiet = quiet;
  }

  add(denial: AuditEvent): void {
    this.session?.drain(); // The process's birth was told before its call was logged.
    const call = loggedCall(denial);
    const { pid = 0, comm = '' } = denial.process ?? {};
    if (!call || !this.pids.has(pid)) return;
    this.calls.set(`${call.abi}:${call.nr}`, { ...call, comm, pid });
    const key = `${pid}:${call.abi}:${call.nr}`;
    if (this.#told.has(key)) this.repeated += 1;
    else if (this.#told.size < 10_000) this.#told.add(key);
    else return;
    if (this.#quiet || this.repeated > 0) return;
    complain(
      `denied: ${describe(call.abi, call.nr)} by ${comm}[${pid}]: ${ACTION_NAMES.get(denial.seccomp?.action ?? '') ?? 'refused'}`,
    );
  }
}

function describe(abi: Abi, nr: number): string {
  return `${syscallName(abi, nr) ?? 'unknown'} (${abi} ${nr})`;
}

async function openWatch(log: DenialLog): Promise<SeccompLog | undefined> {
  try {
    return await SeccompLog.open((denial) => log.add(denial));
  } catch (error) {
    if (!(error instanceof SyscribeError)) throw error;
    complain(`denials will not be told: ${error.message}`);
    if (error.remedy) complain(`  remedy: ${error.remedy}`);
    return undefined;
  }
}

async function run(argv: readonly string[], options: Options): Promise<number> {
  const { profile, unknownNames } = readProfile(options.profile);
  for (const unknown of unknownNames) complain(`left out, as runtimes do: ${unknown}`);
  const filter = compileFilter(options.dryRun ? logInstead(profile) : profile, machine());
  if (filter.unknown.length > 0)
    complain(`this libseccomp does not know, left out as runtimes do: ${filter.unknown.join(', ')}`);
  const log = new DenialLog(options.dryRun ?? false);
  const watch = await openWatch(log);
  try {
    const outcome = await execute(argv, options, filter, log);
    const settled = (await watch?.settle()) ?? false;
    if (options.dryRun) return judge(profile, outcome, log, settled && watch?.lost === 0);
    return conclude(outcome.exit, log);
  } finally {
    watch?.[Symbol.dispose]();
  }
}

async function execute(
  argv: readonly string[],
  options: Options,
  filter: CompiledFilter,
  log: DenialLog,
): Promise<Outcome> {
  const privileged = options.privileged ?? false;
  using signals = new SignalPasser();
  let session: RecordingSession;
  try {
    session = await RecordingSession.start(
      { command: argv },
      { privileged, filter, onProcess: (pid) => log.pids.add(pid) },
    );
  } catch (error) {
    if (!(error instanceof SyscribeError && error.code.startsWith('ERR_BPF'))) throw error;
    const command = new Command({ argv, env: process.env, privileged, filter });
    log.pids.add(command.pid);
    signals.attach({ command, stop: () => command.exited });
    command.go();
    await command.executed;
    return { exit: await command.exited };
  }
  log.session = session;
  signals.attach(session);
  const observation = await session.finished;
  return { exit: (await session.exit) ?? { code: 0, signal: 0 }, observation };
}

function conclude(exit: Exit, log: DenialLog): number {
  if (log.repeated > 0) complain(`and ${log.repeated} more denials of the same calls`);
  if (exit.signal === constants.signals.SIGSYS) complain('killed by the profile (SIGSYS)');
  return exit.code || (exit.signal && 128 + exit.signal);
}

/** The recording knows all calls, the log those that depend on arguments. */
function judge(profile: Profile, outcome: Outcome, log: DenialLog, logWhole: boolean): number {
  const { native } = machineAbis(machine());
  const refused = new Map<string, string>();
  let undecided = 0;
  for (const { abi, nr, first } of outcome.observation?.calls ?? []) {
    const found = verdict(profile, abi, nr, native);
    if (found === 'by-arguments') undecided += 1;
    if (found === 'refused')
      refused.set(`${abi}:${nr}`, `${describe(abi, nr)}${first ? `, first by ${first.comm}[${first.pid}]` : ''}`);
  }
  for (const [key, { abi, nr, comm, pid }] of log.calls)
    if (verdict(profile, abi, nr, native) !== 'allowed' && !refused.has(key))
      refused.set(key, `${describe(abi, nr)}, by ${comm}[${pid}]`);
  for (const text of [...refused.values()].sort()) complain(`would be denied: ${text}`);
  if (refused.size > 0) return EXIT.different;
  const reasons = outcome.observation?.reasons.map(({ message }) => message) ?? [];
  if (!outcome.observation && !logWhole) reasons.push('neither eBPF nor the whole audit log could be read');
  if (undecided > 0 && !logWhole)
    reasons.push(`${undecided} calls are allowed by their arguments, and the log is not whole`);
  for (const reason of reasons) complain(`could not tell: ${reason}`);
  if (reasons.length === 0) complain('nothing would be denied');
  return reasons.length > 0 ? EXIT.couldNotTell : EXIT.ok;
}
