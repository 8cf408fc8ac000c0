/** One measured way of a log: `parse`, or all the `stream` does with it. Prints what it took. */

import { once } from 'node:events';
import { createWriteStream, openSync, readSync } from 'node:fs';
import type { AuditEvent } from '../../src/capture/audit/event.ts';
import { blockOf } from '../../src/capture/audit/fields.ts';
import { FileSource } from '../../src/capture/audit/file-source.ts';
import { AuditParser } from '../../src/capture/audit/parser.ts';
import { CgroupNames } from '../../src/container/cgroup-names.ts';
import { ContainerDirectory } from '../../src/container/directory.ts';
import { Identity } from '../../src/container/identity.ts';
import { ProcessTable } from '../../src/container/process-table.ts';
import { makeFormat } from '../../src/stream/output/formats.ts';
import { AuditStream } from '../../src/stream/pipeline.ts';
import { BEGIN, CONTAINERS, pidsOf } from './audit-log.ts';

const [way, log = '', endpoint = ''] = process.argv.slice(2);
const BLOCK = 1 << 16;

const { user, system } = process.cpuUsage();
const begun = performance.now();
const counts = way === 'parse' ? parse() : await stream();
const milliseconds = performance.now() - begun;
const used = process.cpuUsage({ user, system });
const cpu = (used.user + used.system) / 1000;
const peakMebibytes = process.resourceUsage().maxRSS / 1024;
process.stdout.write(JSON.stringify({ ...counts, milliseconds, cpu, peakMebibytes }));
process.exit();

function parse() {
  const parser = new AuditParser();
  const file = openSync(log, 'r');
  const buffer = Buffer.allocUnsafe(BLOCK);
  let events = 0;
  for (let kept = 0; ; ) {
    const read = readSync(file, buffer, kept, BLOCK - kept, null);
    if (read === 0) break;
    const out: AuditEvent[] = [];
    const end = parser.parseLines(blockOf(buffer.subarray(0, kept + read)), out);
    events += out.length;
    kept = buffer.copy(buffer, 0, end, kept + read);
  }
  return { lines: parser.counts.lines, events, named: 0 };
}

async function stream() {
  const processes = new ProcessTable();
  const cgroups = new CgroupNames();
  for (let index = 0; index < CONTAINERS; index++) {
    cgroups.add(index + 1, 0, index.toString(16).padStart(64, '0'));
    for (const pid of pidsOf(index)) processes.born(pid, index + 1, 0);
  }
  const identity = new Identity({ bootTime: () => BEGIN - 1000, told: { processes, cgroups } });
  using containers = new ContainerDirectory(
    (line) => process.stderr.write(`${line}\n`),
    () => [endpoint],
  );
  const source = new FileSource(log, { once: true, start: 'beginning' });
  const audit = new AuditStream({ source, processes: { identity, update() {}, lost: 0 }, containers }, { node: 'n1' });
  const format = makeFormat('json', { color: false, interval: 0 });
  const output = createWriteStream('/dev/null');
  let [events, named] = [0, 0];
  for await (const batch of audit.read(new AbortController().signal)) {
    events += batch.events.length;
    for (const event of batch.events) if (event.container?.pod) named += 1;
    if (!output.write(format.lines(batch.events))) await once(output, 'drain');
  }
  return { lines: audit.counts().lines, events, named };
}
