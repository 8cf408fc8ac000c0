// Prints the denials that `syscribe audit serve` tells of, a line each.
// node watch.mjs SOCKET AUDIT_PROTO [FILTER...]
import { Client, credentials } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const [socket, proto, ...filter] = process.argv.slice(2);
const { Watch } = loadSync(proto)['syscribe.audit.v1.Audit'];
const client = new Client(`unix:${socket}`, credentials.createInsecure());
const call = client.makeServerStreamRequest(Watch.path, Watch.requestSerialize, Watch.responseDeserialize, { filter });

call.on('metadata', () => console.error('watching'));
call.on('data', ({ events = [], missed = 0 }) => {
  for (const { time, process, seccomp, container } of events)
    console.log(time, container?.pod ?? container?.id ?? 'host', process?.comm, seccomp?.syscall ?? '');
  if (missed > 0) console.error(`missed so far: ${missed}`);
});
call.on('error', (error) => console.error(`ended: ${error.details}`));
call.on('end', () => client.close());
