/** Draws on one image and judges it. */

import { useEffect, useId, useRef, useState } from 'react';
import type { ImageOut, TemplateOut } from '../../api/schema';
import type { ToolName } from '../../canvas/tools';
import { Viewer } from '../../canvas/Viewer';
import { Problem } from '../../components/Problem';
import { useNotify } from '../../components/Toasts';
import { type Element, type Region, verdictOf } from '../../core/document';
import type { Points } from '../../core/geometry';
import { isBad } from '../../core/labelling';
import { type Annotation, readAnnotation } from '../../core/sidecar';
import { readAnnotationOf, useOutline } from '../../data/annotations';
import { useImageSource } from '../../data/images';
import { useProject } from '../../data/projects';
import { errorText, t } from '../../texts';
import { KeysDialog } from '../drawing/KeysDialog';
import { StatusBar, useStatusStore } from '../drawing/StatusBar';
import { ToolRail } from '../drawing/ToolRail';
import { useGlobalKeys } from '../drawing/useGlobalKeys';
import type { Mode, Neighbours } from './going';
import { ImageHeader } from './ImageHeader';
import { type ImageKeys, imageKey, pageKey } from './keys';
import { OptionBar, type SmartBy } from './OptionBar';
import { SidePanel } from './SidePanel';
import { useAnnotator } from './useAnnotator';
import { useGround } from './useGround';
import { useSaving } from './useSaving';

const TOOLS: Readonly<Record<Mode, readonly ToolName[]>> = {
  verdicts: ['select', 'pan'],
  outlines: ['select', 'pan', 'smart', 'brush', 'eraser', 'polygon', 'rectangle', 'ellipse'],
};

type AnnotatorProps = {
  readonly image: ImageOut;
  readonly base: Annotation;
  readonly revision: number;
  readonly template: TemplateOut | null;
  readonly neighbours: Neighbours;
  readonly mode: Mode | null;
  readonly onMode: (mode: Mode) => void;
  readonly type: string;
  readonly onType: (type: string) => void;
  readonly onReload: () => void;
};

export function Annotator(props: AnnotatorProps) {
  const { image, base, neighbours, template } = props;
  const mode: Mode = props.mode ?? (template?.content.mode === 'pixel' ? 'outlines' : 'verdicts');
  const project = useProject();
  const notify = useNotify();
  const problem = (text: string) => notify(text, 'bad');
  const ground = useGround(image, template);
  const { source, error } = useImageSource(image);
  const outliner = useOutline(image.id);
  const [smartBy, setSmartBy] = useState<SmartBy>('image');
  const [isHelpOpen, setIsHelpOpen] = useState(false);
  const labeller = useAnnotator({
    image,
    base,
    ground: ground.regions,
    type: props.type,
    onProblem: problem,
    onPoint: (points) => void find(points),
  });
  const saving = useSaving(image, base, props.revision, labeller.draft);
  const status = useStatusStore();
  const help = useId();
  const stage = useRef<HTMLElement>(null);
  const focusImage = () => stage.current?.querySelector<HTMLElement>('.viewer')?.focus();
  const typeField = useRef<HTMLInputElement>(null);
  const isReady = source !== null;

  useEffect(() => {
    if (isReady && document.activeElement === document.body)
      stage.current?.querySelector<HTMLElement>('.viewer')?.focus({ preventScroll: true });
  }, [isReady]);

  async function find(points: Points) {
    if (outliner.isPending) return;
    const way = points.length === 1 ? 'click' : 'stroke';
    try {
      const { outlines } = await outliner.mutateAsync({
        points: points.slice(0, 2000).map(([x, y]) => [x, y]),
        mode: smartBy === 'model' ? 'model' : way,
        model_id: null,
        size_px: way === 'stroke' && smartBy === 'image' ? 2 * labeller.brushRadius : null,
      });
      if (outlines.length === 0) notify(t.annotate.nothingFound);
      labeller.addOutlines('smart', outlines as unknown as Points[]);
    } catch (reason) {
      problem(errorText(reason));
    }
  }

  /** Nobody leaves an image that is not saved without being told. */
  async function leave(go: () => void) {
    if (await saving.flush()) go();
    else problem(t.annotate.save.stay);
  }

  const sure = useRef<unknown>(null);
  function free() {
    const { doc, draft } = labeller;
    if (isBad(doc) && sure.current !== draft) {
      sure.current = draft;
      notify(t.annotate.freeAgain(doc.defects.length));
      return;
    }
    labeller.free();
    // The change is handed to the saver when React has taken it over.
    setTimeout(() => void leave(() => neighbours.step(1)));
  }

  async function copyPrevious() {
    const from = neighbours.previous;
    if (!from) return notify(t.annotate.noPrevious);
    if (from.width !== image.width || from.height !== image.height)
      return problem(t.annotate.otherSize);
    try {
      const { content } = await readAnnotationOf(project.id, from.id);
      if (content) labeller.copy(readAnnotation(JSON.stringify(content)));
      else notify(t.annotate.nothingToCopy);
    } catch (reason) {
      problem(errorText(reason));
    }
  }

  function setMode(next: Mode) {
    props.onMode(next);
    if (!TOOLS[next].includes(labeller.toolName)) labeller.setTool('select');
  }

  const page: ImageKeys = {
    mode,
    setMode,
    setTool: (tool) => {
      if (!TOOLS[mode].includes(tool)) props.onMode('outlines');
      labeller.setTool(tool);
    },
    step: (by) => void leave(() => neighbours.step(by)),
    free,
    back: () => void leave(neighbours.back),
    copyPrevious: () => void copyPrevious(),
    nameType: () => typeField.current?.focus(),
    save: () => void saving.flush(),
    help: () => setIsHelpOpen(true),
  };
  useGlobalKeys(true, (event) => pageKey(event, labeller, page));

  const tagOf = (element: Element) => tag(element, labeller.doc);
  const { toolName } = labeller;
  const what = mode === 'verdicts' && ground.regions.length === 0 ? 'whole' : mode;
  const toolHint = toolName === 'select' ? t.annotate.selectHints[what] : t.toolHints[toolName];
  const waiting = outliner.isPending ? t.annotate.outlining : null;
  const hint = waiting ?? (ground.isPlacing ? t.annotate.placing : toolHint);
  return (
    <>
      <ImageHeader
        image={image}
        neighbours={neighbours}
        page={page}
        saving={saving}
        onReload={props.onReload}
      />
      <div className="editor annotator">
        <ToolRail
          tools={TOOLS[mode]}
          current={labeller.toolName}
          onChoose={labeller.setTool}
          onPointed={focusImage}
        />
        <section ref={stage} className="stage" aria-label={t.annotate.image.label}>
          <OptionBar
            labeller={labeller}
            page={page}
            hasPrevious={neighbours.previous !== null}
            smartBy={smartBy}
            onSmartBy={setSmartBy}
            onPointed={focusImage}
          />
          {error && <Problem error={error} />}
          {source ? (
            <Viewer
              source={source}
              doc={labeller.doc}
              selection={labeller.selection}
              tool={labeller.tool}
              context={labeller.context}
              label={t.annotate.image.label}
              describedBy={help}
              tagOf={tagOf}
              onKey={(event) => imageKey(event, labeller, page)}
              onStatus={status.set}
            />
          ) : (
            <div className="viewer" aria-busy={!error} />
          )}
          <StatusBar store={status} hint={hint} helpId={help} help={t.annotate.image.help} />
        </section>
        <SidePanel
          image={image}
          labeller={labeller}
          page={page}
          note={ground.note}
          hasTemplate={template !== null}
          type={props.type}
          onType={props.onType}
          typeField={typeField}
          isAnnotated={saving.isAnnotated}
          onPointed={focusImage}
        />
      </div>
      {isHelpOpen && <KeysDialog rows={t.annotate.keyRows} onClose={() => setIsHelpOpen(false)} />}
    </>
  );
}

/** Name of a region with its verdict, or the type of a defect. */
function tag({ drawn, role }: Element, doc: Parameters<typeof verdictOf>[0]): string {
  if (role === 'exclusion') return '';
  if (role === 'defect') return (drawn as { label?: string }).label ?? '';
  const region = drawn as Region;
  const verdict = verdictOf(doc, region);
  return verdict ? `${region.name}: ${t.common.verdicts[verdict]}` : region.name;
}
