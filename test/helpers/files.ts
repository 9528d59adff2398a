import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeAtEnd } from './closing.ts';

/** A folder that is deleted at the end of the test or of the file that creates it. */
export function createFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'test-'));
  closeAtEnd(() => rmSync(folder, { recursive: true, force: true }));
  return {
    folder,
    /** Writes a file there, objects as JSON, and gives its path. */
    write(name: string, content: string | Buffer | object): string {
      const path = join(folder, name);
      const isRaw = typeof content === 'string' || Buffer.isBuffer(content);
      writeFileSync(path, isRaw ? content : JSON.stringify(content));
      return path;
    },
  };
}
