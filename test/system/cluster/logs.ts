import { cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

/**
 * Copies the logs of a cluster's processes and pods to where `SYSCRIBE_TEST_LOGS` says, before they go with it: the run
 * prints their place where a test failed.
 * @param name of the folder: what used the cluster.
 */
export function keepLogs(directory: string, name: string): void {
  const target = process.env.SYSCRIBE_TEST_LOGS;
  if (target === undefined || !existsSync(directory)) return;
  const folder = join(target, name);
  mkdirSync(folder, { recursive: true });
  const nodes = readdirSync(directory).filter((entry) => /^node-\d+$/.test(entry));
  const logs = readdirSync(directory).filter((entry) => entry.endsWith('.log'));
  for (const path of [...logs, ...nodes.map((node) => join(node, 'pod-logs'))]) {
    const from = join(directory, path);
    // Links to what the runtime has go with it; their targets are copied.
    if (existsSync(from)) cpSync(from, join(folder, path), { recursive: true, dereference: true, force: true });
  }
}

/** The test file that this process runs, or `shared` where it runs several. */
export function fileName(): string {
  const files = process.argv.filter((word) => word.endsWith('.test.ts'));
  return files.length === 1 ? basename(files[0] ?? '', '.test.ts') : 'shared';
}
