/** Image files out of what was dropped or chosen, folders included. */

const IMAGE_NAME = /\.(png|jpe?g|bmp|tiff?)$/i;

export const isImageName = (name: string): boolean => IMAGE_NAME.test(name) && !/^\./.test(name);

export function imagesOf(files: Iterable<File>): File[] {
  return [...files]
    .filter((file) => isImageName(file.name))
    .sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
}

/** Has to be called while the drop is handled: the browser forgets it right after. */
export async function imagesDropped(data: DataTransfer): Promise<File[]> {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  const plain = [...data.files];
  if (entries.every((entry) => entry === null)) return imagesOf(plain);
  const found = await Promise.all(entries.map((entry) => (entry ? filesIn(entry) : [])));
  return imagesOf(found.flat());
}

async function filesIn(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile)
    return [
      await new Promise<File>((resolve, reject) =>
        (entry as FileSystemFileEntry).file(resolve, reject),
      ),
    ];
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: File[] = [];
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (part.length === 0) return found; // it comes in parts of about a hundred
    found.push(...(await Promise.all(part.map(filesIn))).flat());
  }
}

/** What a file is called without its ending. */
export const stemOf = (name: string): string => name.replace(/\.[^.]*$/, '');
