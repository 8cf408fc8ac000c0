import { isatty } from 'node:tty';
import { Option, type Command as Program } from 'commander';
import { pause } from '../platform/wait.ts';
import { Delivery, type Output } from '../stream/output/delivery.ts';
import { parseFilter } from '../stream/output/filter.ts';
import { FORMATS, filterOfEvents, makeFormat } from '../stream/output/formats.ts';
import { RotatingFile } from '../stream/output/rotating-file.ts';
import { readPosition } from '../stream/position-file.ts';
import { addServe } from './audit-serve.ts';
import { addStreamOptions, conclude, openStream, type StreamOptions, stopOnSignals } from './audit-stream.ts';
import { EXIT } from './exit.ts';
import { complain } from './output.ts';
import { StandardOutput } from './standard-output.ts';
import { durationOption, parseCount, parseLongDuration, parseSince, parseSize } from './values.ts';

interface Options extends StreamOptions {
  readonly fromStart?: true;
  readonly since?: number;
  readonly once?: true;
  readonly filter: readonly string[];
  readonly output: (typeof FORMATS)[number];
  readonly interval: number;
  readonly outFile?: string;
  readonly maxSize?: number;
  readonly maxAge?: number;
  readonly maxFiles?: number;
  readonly positionFile?: string;
}

/** Milliseconds between looks at what is due. */
const TICK = 500;

const HELP = `
Sources: auditd's file where auditd runs, else the kernel's multicast group (needs the initial network namespace and
CAP_AUDIT_READ), else syslog. Nothing of the host's audit settings is changed. Containers are told by eBPF where it can be
loaded, so that processes which are gone are known too, else by /proc. With --out-file the position is kept beside the
file: a restart goes on where it was, and gives each event at least once (time and serial tell duplicates).

Examples:
  $ sudo syscribe audit --output pretty
  $ sudo syscribe audit --since 2h --once --filter type=seccomp --filter seccomp.action!=log
  $ sudo syscribe audit --out-file /var/log/syscribe/audit.jsonl --max-size 100M --max-files 10`;

export function register(program: Program): void {
  const command = program
    .command('audit')
    .description('Show what seccomp, AppArmor and SELinux log, with the container it belongs to');
  addStreamOptions(command)
    .option('--from-start', 'begin at the beginning of the log, not at its end')
    .option('--since <time>', 'begin with events from this time on: 10m, 2h, 3d ago, or a date', parseSince)
    .option('--once', 'read what is there and end')
    .addOption(
      new Option('--filter <filter>', "key=value, key!=value, or SPO's rules in JSON; may be repeated")
        .argParser(collect)
        .default([], 'none'),
    )
    .addOption(
      new Option(
        '--output <format>',
        'json: an object a line; pretty: for people; spo-log, spo-json: as SPO writes them',
      )
        .choices(FORMATS)
        .default('json'),
    )
    .addOption(durationOption('--interval <time>', 'spo-json: how long calls are gathered into one record', '60s'))
    .option('--out-file <path>', 'append to this file, and keep the position beside it')
    .option('--max-size <size>', 'rotate the file when it is so large (100M)', parseSize)
    .option('--max-age <time>', 'remove rotated files that are older (7d)', parseLongDuration)
    .option('--max-files <count>', 'keep so many rotated files', parseCount)
    .option('--position-file <path>', 'where the position is kept; default with --out-file: its name and .position')
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      process.exitCode = await audit(options);
    });
  addServe(command);
}

function collect(text: string, before: readonly string[]): string[] {
  return [...before, text];
}

async function audit(options: Options): Promise<number> {
  const filter = parseFilter(options.filter);
  const positionFile = options.positionFile ?? (options.outFile && `${options.outFile}.position`);
  const position = positionFile === undefined ? undefined : readPosition(positionFile);
  const stop = stopOnSignals();
  await using output = await openOutput(options, stop);
  const start = { start: position ?? startOf(options), ...(options.once && { once: true }) };
  await using open = await openStream(options, start, stop.signal);
  const format = makeFormat(options.output, { color: isatty(1), interval: options.interval, filter });
  const delivery = new Delivery(output, format, {
    filter: filterOfEvents(options.output, filter),
    since: options.since ?? 0,
    say: complain,
    ...(positionFile !== undefined && { positionFile }),
  });
  const ticking = keepTicking(delivery, stop);
  try {
    for await (const batch of open.stream.read(stop.signal)) {
      open.metrics?.count(batch.events);
      await delivery.deliver(batch, stop.signal);
    }
  } finally {
    stop.abort();
  }
  const failure = await ticking;
  if (failure !== undefined) throw failure;
  await delivery.finish(stop.signal);
  conclude(open.stream.counts(), `${delivery.delivered} events given`);
  return EXIT.ok;
}

function startOf({ fromStart, since, once }: Options): 'beginning' | 'end' | { since: number } {
  if (since !== undefined) return { since };
  return fromStart || once ? 'beginning' : 'end';
}

async function openOutput(options: Options, stop: AbortController): Promise<Output & AsyncDisposable> {
  if (options.outFile === undefined) return new StandardOutput(() => stop.abort());
  const file = new RotatingFile(options.outFile, {
    say: complain,
    ...(options.maxSize !== undefined && { maxBytes: options.maxSize }),
    ...(options.maxAge !== undefined && { maxAge: options.maxAge }),
    ...(options.maxFiles !== undefined && { maxFiles: options.maxFiles }),
  });
  await file.open();
  return file;
}

/** Gives out what is due, until `stop`. Returns what it ended with, if it did. */
async function keepTicking(delivery: Delivery, stop: AbortController): Promise<unknown> {
  try {
    while (!stop.signal.aborted) {
      await pause(TICK, stop.signal);
      await delivery.tick(stop.signal);
    }
    return undefined;
  } catch (error) {
    stop.abort();
    return error;
  }
}
