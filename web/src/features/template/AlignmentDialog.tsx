/** Another image laid over the reference: blinking, or one through the other. */

import { useEffect, useMemo, useState } from 'react';
import type { AlignmentOut, ImageOut } from '../../api/schema';
import type { ImageSource } from '../../canvas/tiles';
import { makeTools } from '../../canvas/tools';
import { Viewer } from '../../canvas/Viewer';
import { Dialog } from '../../components/Dialog';
import { Segments } from '../../components/Field';
import { Problem } from '../../components/Problem';
import type { Document } from '../../core/document';
import type { Size } from '../../core/geometry';
import type { Template } from '../../core/template';
import { useImageSource } from '../../data/images';
import { useAlignment } from '../../data/templates';
import { t } from '../../texts';
import { ImageList } from '../images/ImageList';
import { movedWords } from './movedWords';
import type { Reference } from './useTemplateState';

/** Under three changes a second, so that it harms nobody. */
const BLINK_MS = 700;
const WAYS = ['blink', 'overlay'] as const;
type Way = (typeof WAYS)[number];

const LOOKS = {
  refused: 'is-invalid',
  off: '',
  unsure: 'is-unsure',
  in_place: 'is-valid',
  moved: 'is-valid',
} as const;

type AlignmentDialogProps = {
  readonly reference: Reference;
  readonly template: Template;
  readonly doc: Document;
  readonly onClose: () => void;
};

export function AlignmentDialog({ reference, template, doc, onClose }: AlignmentDialogProps) {
  const [image, setImage] = useState<ImageOut | null>(null);
  const found = useAlignment(image && { imageId: image.id, referenceId: reference.id, template });
  const [way, setWay] = useState<Way>(() =>
    matchMedia('(prefers-reduced-motion: reduce)').matches ? 'overlay' : 'blink',
  );
  const [share, setShare] = useState(0.5);
  const isOn = useBlink(way === 'blink');
  const { source, error } = useImageSource(reference);
  const laid = usePicture(image ? (found.data?.picture ?? null) : null, reference);
  const opacity = way === 'overlay' ? share : isOn ? 1 : 0;
  const tools = useMemo(makeTools, []);
  const texts = t.template.preview;
  return (
    <Dialog title={texts.title} isLarge onClose={onClose}>
      <div className="alignment">
        <ImageList chosen={image?.id ?? null} onChoose={setImage} cellWidth={null} />
        <section className="stage" aria-label={texts.title}>
          <div className="edit-bar">
            <Segments
              label={texts.how}
              value={way}
              options={WAYS}
              names={texts.ways}
              onChange={setWay}
            />
            <label className="slider">
              {texts.opacity}
              <input
                type="range"
                min={0}
                max={1}
                step={0.05}
                value={share}
                disabled={way === 'blink'}
                onChange={(event) => setShare(Number(event.target.value))}
              />
            </label>
          </div>
          {(error || found.error) && <Problem error={error ?? found.error} />}
          {source ? (
            <Viewer
              source={source}
              over={laid ? { source: laid, opacity } : undefined}
              doc={doc}
              selection={[]}
              tool={tools.pan}
              context={(scale) => ({ ...NOTHING, doc, scale })}
              label={texts.title}
              describedBy="alignment-result"
              onKey={() => false}
              onStatus={ignore}
            />
          ) : (
            <div className="viewer" aria-busy={!error} />
          )}
          <p id="alignment-result" className="status-bar" role="status">
            {!image && texts.note}
            {image && found.isPending && texts.waiting}
            {image && found.data && <Result found={found.data} />}
          </p>
        </section>
      </div>
    </Dialog>
  );
}

function Result({ found }: { readonly found: AlignmentOut }) {
  const texts = t.template.preview;
  const { outcome } = found;
  const isMoved = found.matrix !== null && found.method !== 'none';
  return (
    <>
      <strong className={LOOKS[outcome]}>{texts.outcomes[outcome]}</strong>
      {found.reason && <span className="status-hint">{found.reason}</span>}
      {isMoved && (
        <span>
          {movedWords(found)}
          {texts.methods[found.method] && ` (${texts.methods[found.method]})`}
        </span>
      )}
      {found.matrix && <span>{texts.score(Math.max(0, found.score).toFixed(2))}</span>}
      {outcome === 'unsure' && (
        <span className="status-hint">{texts.unsureNote[isMoved ? 'moved' : 'none']}</span>
      )}
    </>
  );
}

const ignore = () => {};
const NOTHING = {
  selection: [],
  brushRadius: 1,
  select: ignore,
  change: ignore,
  draw: ignore,
  paint: ignore,
};

function useBlink(isBlinking: boolean): boolean {
  const [isOn, setIsOn] = useState(true);
  useEffect(() => {
    setIsOn(true);
    if (!isBlinking) return;
    const timer = setInterval(() => setIsOn((on) => !on), BLINK_MS);
    return () => clearInterval(timer);
  }, [isBlinking]);
  return isOn;
}

/** The picture that came, stretched over the reference. */
function usePicture(url: string | null, { width, height }: Size): ImageSource | null {
  const [source, setSource] = useState<ImageSource | null>(null);
  useEffect(() => {
    setSource(null);
    if (url === null) return;
    const image = new Image();
    image.onload = () => setSource({ kind: 'plain', image, width, height });
    image.src = url;
    return () => {
      image.onload = null;
    };
  }, [url, width, height]);
  return source;
}
