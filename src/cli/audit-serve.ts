import type { Command } from 'commander';
import { addStreamOptions, conclude, openStream, type StreamOptions, stopOnSignals } from './audit-stream.ts';
import { EXIT } from './exit.ts';
import { complain } from './output.ts';

interface Options extends StreamOptions {
  readonly socket: string;
}

const HELP = `
Each client gets the events from the time it connects on, and is told how many it missed when it reads too slowly (it may
be some 7,000 behind); it holds up neither the others nor the reading. The service is syscribe.audit.v1.Audit, as
dist/stream/grpc/audit.proto of this package describes it. Only the user that it runs as, root, may connect.

Example:
  $ sudo syscribe audit serve --metrics 9090`;

/** Adds `syscribe audit serve`. */
export function addServe(audit: Command): void {
  addStreamOptions(audit.command('serve').description('Serve the stream to many clients, by gRPC on a Unix socket'))
    .option('--socket <path>', 'where clients connect', '/run/syscribe/audit.sock')
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      process.exitCode = await serve(options);
    });
}

async function serve(options: Options): Promise<number> {
  const { AuditServer } = await import('../stream/grpc/server.ts');
  const stop = stopOnSignals();
  await using server = await AuditServer.listen(options.socket);
  await using open = await openStream(options, { start: 'end' }, stop.signal, () => server.missed);
  complain(`serving at ${options.socket}`);
  let read = 0;
  try {
    for await (const { events } of open.stream.read(stop.signal)) {
      read += events.length;
      open.metrics?.count(events);
      server.publish(events);
    }
  } finally {
    stop.abort();
  }
  conclude(open.stream.counts(), `${read} events`);
  if (server.missed > 0) complain(`clients missed ${server.missed} events, since they read too slowly`);
  return EXIT.ok;
}
