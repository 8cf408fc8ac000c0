import { readFileSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { SyscribeError } from '../platform/errors.ts';
import { writeFileAtomic } from '../platform/files.ts';
import { EXIT } from './exit.ts';
import { addClusterOptions, type ClusterOptions, withCluster } from './kubectl/options.ts';
import { complain, writeAll } from './output.ts';
import { orRefused } from './refused.ts';

/** Of a file, bytes: more than any cluster's profiles, less than memory. */
const MOST = 256 * 2 ** 20;

const EXPORT_HELP = `
Of two profiles of one name in two namespaces that differ, both get their namespace before their name; bindings and bases follow. Pods
that name files have to name others from then on: they are listed.

Example:
  $ syscribe migrate export --out-file profiles.yaml`;

const IMPORT_HELP = `
What has the same name already is left as it is; where it differs, the exit status is 1.

Example:
  $ syscribe migrate import profiles.yaml`;

export function register(program: Command): void {
  const migrate = program
    .command('migrate')
    .description('Move namespaced profiles of the Security Profiles Operator 0.8 and older')
    .addHelpText('after', '\nExample:\n  $ syscribe migrate export --out-file profiles.yaml');
  const toFile = migrate
    .command('export')
    .description('Write profiles, bindings and recordings to a file, as version v1')
    .requiredOption('-o, --out-file <file>', 'where to');
  addClusterOptions(toFile)
    .addHelpText('after', EXPORT_HELP)
    .action(async ({ outFile, ...options }: ClusterOptions & { readonly outFile: string }) => {
      process.exitCode = await orRefused(() => writeObjects(outFile, options));
    });
  const fromFile = migrate
    .command('import')
    .description('Create what was exported')
    .argument('<file>', 'what export wrote');
  addClusterOptions(fromFile)
    .addHelpText('after', IMPORT_HELP)
    .action(async (file: string, options: ClusterOptions) => {
      process.exitCode = await makeObjects(file, options);
    });
}

async function writeObjects(file: string, options: ClusterOptions): Promise<void> {
  const { exportObjects } = await import('../setup/migrate/export.ts');
  const { objects, files, users, partial } = await withCluster(options, (client) => exportObjects(client));
  writeFileAtomic(file, objects.map((object) => stringify(object, { aliasDuplicateObjects: false })).join('---\n'));
  for (const name of partial) complain(`left out, it is still being recorded: ${name}`);
  for (const [old, now] of files)
    writeAll(1, `${old} becomes ${now}${users.has(old) ? `, for ${users.get(old)?.join(', ')}` : ''}\n`);
  complain(`${objects.length} objects are in ${file}`);
}

async function makeObjects(file: string, options: ClusterOptions): Promise<number> {
  const { importObject, readObjects } = await import('../setup/migrate/import.ts');
  const objects = readObjects(read(file));
  let differ = false;
  await withCluster(options, async (client) => {
    for (const object of objects) {
      const outcome = await importObject(client, object);
      const { namespace, name } = object.metadata;
      writeAll(1, `${object.kind} ${namespace === undefined ? '' : `${namespace}/`}${name}: ${outcome}\n`);
      differ ||= outcome === 'another of that name is there';
    }
  });
  return differ ? EXIT.different : EXIT.ok;
}

function read(file: string): string {
  try {
    const { size } = statSync(file);
    if (size > MOST) throw new Error(`it has ${size} bytes, ${MOST} at most are read`);
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new SyscribeError('ERR_FILE_READ', `cannot read ${file}`, { cause, remedy: 'Give what export wrote.' });
  }
}
