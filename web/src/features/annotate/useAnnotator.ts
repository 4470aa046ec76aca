/** What is said of one image, its history, the selection and the tool. */

import { useMemo, useState } from 'react';
import type { ImageOut } from '../../api/schema';
import { makeTools, type ToolContext, type ToolName } from '../../canvas/tools';
import { brush, erase } from '../../core/brush';
import {
  addDefects,
  annotationOfDocument,
  boundsOfKeys,
  type Command,
  type Document,
  elements,
  emptyDocument,
  move,
  type Region,
  relabelDefect,
  remove,
  withAnnotation,
} from '../../core/document';
import { outline, type Points, type Shape } from '../../core/geometry';
import { commit, type History, newHistory, redo, undo } from '../../core/history';
import { copyFrom, isBad, judgeImage, judgeRegions, markFree } from '../../core/labelling';
import { type Annotation, annotationText, type Label, type Split } from '../../core/sidecar';
import { checkShape } from '../../core/template';
import { errorText, t } from '../../texts';

export type Draft = {
  readonly doc: Document;
  readonly split: Split | null;
  readonly partId: string | null;
};

type Step = keyof typeof t.annotate.steps;
export type Labeller = ReturnType<typeof useAnnotator>;

type AnnotatorInput = {
  readonly image: ImageOut;
  readonly base: Annotation;
  /** The regions as they lie on this image; they are judged, not changed. */
  readonly ground: readonly Region[];
  readonly type: string;
  readonly onProblem: (text: string) => void;
  readonly onPoint: (points: Points) => void;
};

export function useAnnotator(input: AnnotatorInput) {
  const { image, base, ground, onProblem } = input;
  const [history, setHistory] = useState<History<Draft>>(() => newHistory(draftOf(image, base)));
  const [wanted, setSelection] = useState<readonly string[]>([]);
  const [toolName, setTool] = useState<ToolName>('select');
  const [brushRadius, setBrushRadius] = useState(() =>
    Math.max(3, Math.round(Math.max(image.width, image.height) / 120)),
  );
  const tools = useMemo(makeTools, []);
  const draft = history.present;
  const doc = useMemo(() => ({ ...draft.doc, regions: ground }), [draft.doc, ground]);
  const keys = useMemo(() => new Set(elements(doc).map((e) => e.drawn.key)), [doc]);
  const selection = useMemo(() => wanted.filter((key) => keys.has(key)), [wanted, keys]);
  const chosen = doc.regions.filter((region) => selection.includes(region.key));
  const chosenDefects = doc.defects.filter((defect) => selection.includes(defect.key));
  const type = input.type.trim() || t.annotate.defaultType;

  function run(step: Step, command: Command, tag: string | null = null): void {
    setHistory((h) => {
      const before = { ...h.present.doc, regions: ground };
      const after = command(before);
      if (after === before) return h;
      return commit(h, { ...h.present, doc: after }, t.annotate.steps[step], tag);
    });
  }

  function setPart(change: Partial<Pick<Draft, 'split' | 'partId'>>): void {
    setHistory((h) => commit(h, { ...h.present, ...change }, t.annotate.steps.part));
  }

  /** Judge the chosen regions, else the whole image; false where that cannot be. */
  function judge(verdict: Label | null, regions: readonly Region[] = chosen): boolean {
    if (regions.length > 0) {
      run('judge', judgeRegions(regions, verdict));
      return true;
    }
    if (verdict === 'ok' && isBad(judgeImage(null)(doc))) {
      onProblem(t.annotate.hasBad);
      return false;
    }
    run('judge', judgeImage(verdict));
    return true;
  }

  function addOutlines(step: Step, outlines: readonly Points[]): void {
    if (outlines.length === 0) return;
    run(step, addDefects(outlines, type));
    setSelection(outlines.map((_, i) => `k${doc.nextKey + i}`));
  }

  function draw(shape: Shape): void {
    try {
      checkShape(type, shape);
      addOutlines('draw', [outline(shape)]);
    } catch (error) {
      onProblem(errorText(error));
    }
  }

  /** A stroke joins the chosen defect, so that one defect is painted in several strokes. */
  function paint(stroke: Points, isErase: boolean): void {
    if (isErase) {
      run('erase', erase(stroke, brushRadius));
      return;
    }
    const join = chosenDefects.length === 1 ? (chosenDefects[0]?.key ?? null) : null;
    const after = brush(stroke, brushRadius, type, join)(doc);
    run('paint', () => after);
    const fresh = after.defects.filter((d) => !keys.has(d.key)).map((d) => d.key);
    if (fresh.length > 0) setSelection(fresh.slice(-1));
  }

  function context(scale: number): ToolContext {
    return {
      doc,
      selection,
      scale,
      brushRadius,
      select: setSelection,
      change: (step, command) => run(step, command),
      draw,
      paint,
      point: input.onPoint,
    };
  }

  return {
    draft,
    doc,
    history,
    selection,
    chosen,
    chosenDefects,
    tool: tools[toolName],
    toolName,
    setTool,
    brushRadius,
    setBrushRadius: (px: number) =>
      setBrushRadius(Math.max(1, Math.min(Math.max(image.width, image.height) / 4, px))),
    select: setSelection,
    selectAll: () => setSelection(doc.defects.map((d) => d.key)),
    judge,
    free: () => run('free', markFree),
    addOutlines,
    relabel: (label: string) =>
      run('relabel', (found) =>
        chosenDefects.reduce((d, { key }) => relabelDefect(key, label)(d), found),
      ),
    remove: (which: readonly string[] = selection) => run('remove', remove(which)),
    nudge: (dx: number, dy: number) =>
      run('move', move(selection, dx, dy), `move ${selection.join(' ')}`),
    copy: (theirs: Annotation) => run('copy', copyFrom(theirs)),
    setPart,
    boxOf: (key: string) => boundsOfKeys(doc, [key]),
    context,
    undo: () => setHistory(undo),
    redo: () => setHistory(redo),
  };
}

function draftOf(image: ImageOut, base: Annotation): Draft {
  const size = { width: image.width, height: image.height };
  // Keys far above those of any template, so that the ground can come later.
  const empty = { ...emptyDocument(size), nextKey: 1_000_000 };
  return { doc: withAnnotation(empty, base), split: base.split, partId: base.partId };
}

/** What goes to the server. */
export function contentOf(draft: Draft, base: Annotation): Record<string, unknown> {
  const { doc, split, partId } = draft;
  return JSON.parse(annotationText(annotationOfDocument(doc, { ...base, split, partId })));
}
