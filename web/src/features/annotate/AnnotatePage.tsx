/** All images with their labels, or one of them to draw on; both go through the same list. */

import { useEffect, useState } from 'react';
import type { Uploaded } from '../../api/schema';
import { useNotify } from '../../components/Toasts';
import { type ImageFilter, useUpload } from '../../data/images';
import { pageLink } from '../../data/links';
import { useProject } from '../../data/projects';
import { useRest } from '../../data/route';
import { useMay } from '../../data/session';
import { errorText, t } from '../../texts';
import { dropTarget } from '../images/dropped';
import './annotate.css';
import { GridView } from './GridView';
import type { Mode } from './going';
import { ImageView } from './ImageView';
import { NO_SELECTION } from './selection';
import { judgedIn } from './uploaded';
import { useImageRow } from './useImageRow';

/** In the address: images that have another size than the one behind it. */
const OTHER_SIZE = 'other-size';

export default function AnnotatePage() {
  const notify = useNotify();
  const [[first, size], go] = useRest();
  const imageId = first === OTHER_SIZE ? undefined : first;
  const goTo = (id: string) => (id ? go(id) : go());
  const project = useProject();
  const [filter, setFilter] = useState<ImageFilter>({});
  const [selection, setSelection] = useState(NO_SELECTION);
  const [report, setReport] = useState<readonly Uploaded[] | null>(null);
  const [mode, setMode] = useState<Mode | null>(null);
  const [type, setType] = useState('');
  const row = useImageRow(filter);
  const upload = useUpload(errorText);
  const mayUpload = useMay('upload');

  // biome-ignore lint/correctness/useExhaustiveDependencies: a link to a part of the list
  useEffect(() => {
    if (first !== OTHER_SIZE) return;
    setFilter(size && /^\d+x\d+$/.test(size) ? { not_size: size } : {});
    setSelection(NO_SELECTION);
    location.replace(pageLink(project.id, 'annotate')); // going back leads past it
  }, [first, size]);

  async function send(files: readonly File[]) {
    if (!mayUpload) {
      notify(t.images.mayNotUpload, 'bad');
      return;
    }
    if (imageId) goTo('');
    setReport(null);
    try {
      setReport(await upload.send(files));
    } catch (error) {
      const isStopped = error instanceof DOMException && error.name === 'AbortError';
      notify(isStopped ? t.images.stopped : errorText(error), isStopped ? 'info' : 'bad');
    }
  }

  return (
    <div className="page annotate-page" {...dropTarget(send)}>
      {imageId ? (
        <ImageView
          imageId={imageId}
          row={row}
          mode={mode}
          onMode={setMode}
          type={type}
          onType={setType}
          onGo={(id) => {
            const at = row.items.findIndex((image) => image.id === id);
            if (at >= 0) setSelection({ ids: new Set([id]), anchor: at, active: at });
            goTo(id);
          }}
        />
      ) : (
        <GridView
          row={row}
          filter={filter}
          onFilter={(next) => {
            setFilter(next);
            setSelection(NO_SELECTION);
          }}
          selection={selection}
          onSelection={setSelection}
          upload={upload}
          onFiles={(files) => void send(files)}
          report={report}
          onJudged={(ids, label) => setReport((now) => now && judgedIn(now, ids, label))}
          onReportEnd={() => setReport(null)}
          onOpen={goTo}
        />
      )}
    </div>
  );
}
