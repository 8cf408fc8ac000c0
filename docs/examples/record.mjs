// Records a command with the library and prints its profile. Run as root: node docs/examples/record.mjs ls -l
import { BASE_SYSCALLS, buildProfile, machine, record, renderRaw } from 'syscribe';

const command = process.argv.slice(2);
await using session = await record({ command });
for await (const { name, comm, pid, time } of session)
  console.error(`${time.toISOString()} ${name}, first by ${comm}[${pid}]`);

const { calls, reasons } = await session.finished;
for (const { message } of reasons) console.error(`partial: ${message}`);
const { profile } = buildProfile({
  machine: machine(),
  sightings: calls,
  defaultAction: 'SCMP_ACT_ERRNO',
  runtime: 'none',
  base: BASE_SYSCALLS,
  portable: false,
  name: 'example',
});
console.log(renderRaw(profile));
