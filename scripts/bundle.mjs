/** Bundles what the image runs: bundle.mjs DIRECTORY [ARCHITECTURE]. Only what is used is loaded, which is half of the memory. */
import { copyFileSync, cpSync, globSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const top = fileURLToPath(new URL('..', import.meta.url));
const [directory, architecture = process.arch] = process.argv.slice(2);
if (directory === undefined) throw new Error('usage: bundle.mjs DIRECTORY [ARCHITECTURE]');
// Two below the top, as in dist/: what is found beside the code (addon, package.json) is found by the same paths.
const out = join(directory, 'dist', 'bundle');

await build({
  entryPoints: [join(top, 'src/cli/bin.ts')],
  outdir: out,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  minifySyntax: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  legalComments: 'external',
  // Packages in CommonJS ask for Node's own modules by require().
  banner: {
    js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
  },
  logLevel: 'warning',
});
for (const proto of globSync('src/**/*.proto', { cwd: top }))
  copyFileSync(join(top, proto), join(out, basename(proto)));
copyFileSync(join(top, 'package.json'), join(directory, 'package.json'));
const addon = `prebuilds/linux-${architecture}`;
mkdirSync(join(directory, addon), { recursive: true });
cpSync(join(top, addon), join(directory, addon), { recursive: true });
