/** Only for `npm run look`: the viewer on a tile pyramid, with brush and eraser. */

import { useMemo, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { levelCount } from '../../src/canvas/tiles';
import { makeTools, type ToolContext, type ToolName } from '../../src/canvas/tools';
import { Viewer } from '../../src/canvas/Viewer';
import { brush, erase } from '../../src/core/brush';
import {
  addDefects,
  annotationOfDocument,
  type Command,
  emptyDocument,
} from '../../src/core/document';
import { annotationText } from '../../src/core/sidecar';
import '../../src/styles/tokens.css';
import '../../src/styles/base.css';
import '../../src/styles/drawing.css';
import './bench.css';

const SIZE = { width: 10_000, height: 7000 };
const RADIUS = 150;
const KEYS: Readonly<Record<string, ToolName>> = {
  b: 'brush',
  x: 'eraser',
  p: 'polygon',
  v: 'select',
};

function Bench() {
  const tools = useMemo(makeTools, []);
  const [doc, setDoc] = useState(() => emptyDocument(SIZE));
  const [name, setName] = useState<ToolName>('brush');
  const [selection, select] = useState<readonly string[]>([]);
  const [scale, setScale] = useState(1);
  const source = useMemo(
    () => ({
      kind: 'tiles' as const,
      ...SIZE,
      tileSize: 512,
      levels: levelCount(SIZE, 512),
      url: (level: number, x: number, y: number) => `/tile/${level}/${x}/${y}.svg`,
    }),
    [],
  );
  const run = (command: Command) => setDoc(command);
  const context = (at: number): ToolContext => ({
    doc,
    selection,
    scale: at,
    brushRadius: RADIUS,
    select,
    change: (_, command) => run(command),
    draw: (shape) => run(addDefects([shape.points], 'stain')),
    paint: (stroke, isErase) =>
      run(
        isErase
          ? erase(stroke, RADIUS)
          : brush(stroke, RADIUS, 'scratch', doc.defects.at(-1)?.key ?? null),
      ),
  });
  return (
    <>
      <Viewer
        source={source}
        doc={doc}
        selection={selection}
        tool={tools[name]}
        context={context}
        label="Bench"
        describedBy="sidecar"
        onKey={(event) => {
          const tool = KEYS[event.key];
          if (tool) setName(tool);
          return tool !== undefined;
        }}
        onStatus={useMemo(() => (status) => status.scale && setScale(status.scale), [])}
      />
      <output id="sidecar" data-scale={scale} hidden>
        {annotationText(annotationOfDocument(doc))}
      </output>
    </>
  );
}

const root = document.getElementById('root');
if (root) createRoot(root).render(<Bench />);
