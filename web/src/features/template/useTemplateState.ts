/** The template on the page against the one on the server: what is loaded, changed, saved. */

import { useEffect, useState } from 'react';
import type { ImageOut, TemplateOut } from '../../api/schema';
import { useNotify } from '../../components/Toasts';
import { type Document, documentOfRegions, emptyDocument } from '../../core/document';
import { templateText } from '../../core/template';
import { useImage, useUpload } from '../../data/images';
import { useProject } from '../../data/projects';
import {
  type AsReference,
  templateOf,
  useAskAsReference,
  useSaveTemplate,
  useTemplate,
} from '../../data/templates';
import { errorText, t } from '../../texts';
import { saveText } from './saveText';
import {
  askedDefectPx,
  defaultSettings,
  makeTemplate,
  type Settings,
  settingsFor,
  stretched,
} from './settings';
import type { Editor } from './useEditor';

export type Reference = Pick<ImageOut, 'id' | 'name' | 'sha256' | 'width' | 'height'>;

/** An image that is asked about before it becomes the reference. */
export type Doubted = {
  readonly image: Reference;
  readonly findings: AsReference['findings'];
};

type Known = {
  readonly doc: Document;
  readonly settings: Settings;
  readonly referenceId: string;
  /** Null: nothing of it is on the server. */
  readonly row: TemplateOut | null;
};

export type TemplateState = ReturnType<typeof useTemplateState>;

export function useTemplateState(editor: Editor) {
  const notify = useNotify();
  const project = useProject();
  const latest = useTemplate();
  const onServer = useImage(latest.data?.reference_id ?? null);
  const upload = useUpload(errorText);
  const saving = useSaveTemplate();
  const [reference, setReference] = useState<Reference | null>(null);
  const [settings, setSettings] = useState<Settings>(defaultSettings('', 1));
  const [known, setKnown] = useState<Known | null>(null);
  const [doubted, setDoubted] = useState<Doubted | null>(null);
  const askAsReference = useAskAsReference();

  const isChanged =
    reference !== null &&
    (known?.doc !== editor.doc ||
      known.settings !== settings ||
      known.referenceId !== reference.id);
  const row = latest.data ?? null;
  const isNewer = row !== null && row.id !== known?.row?.id && !saving.isPending;

  function begin(image: Reference, doc: Document, next: Settings, from: TemplateOut | null) {
    setReference(image);
    setSettings(next);
    editor.load(doc);
    editor.setTool(from ? 'select' : 'rectangle');
    setKnown({ doc, settings: next, referenceId: image.id, row: from });
  }

  function load(from: TemplateOut, image: Reference) {
    const template = templateOf(from);
    begin(image, documentOfRegions(template.size, template.regions), template, from);
  }

  // biome-ignore lint/correctness/useExhaustiveDependencies: only when the server has something new
  useEffect(() => {
    if (row && isNewer && !isChanged && onServer.data?.id === row.reference_id)
      load(row, onServer.data);
  }, [row, isNewer, isChanged, onServer.data]);

  /** Draw on it, or ask first where a defect or the test speaks against it. */
  async function choose(image: Reference) {
    const found = await askAsReference(image.id, settings.sizePolicy).catch(() => null);
    const findings = found?.findings.filter((one) => one.topic !== 'sizes') ?? [];
    if (findings.length > 0) setDoubted({ image, findings });
    else drawOn(image);
  }

  /** Draw on another image; of the same size, the drawing stays as it is. */
  function drawOn(image: Reference) {
    const size = { width: image.width, height: image.height };
    if (!reference) {
      const longest = Math.max(size.width, size.height);
      const fresh = defaultSettings(project.name, longest, askedDefectPx(project.problem));
      begin(image, emptyDocument(size), fresh, null);
      return;
    }
    setReference(image);
    if (size.width === reference.width && size.height === reference.height) return;
    editor.load(stretched(editor.doc, size));
    setSettings(settingsFor(settings, size));
    if (editor.doc.regions.length > 0) notify(t.template.stretched);
  }

  /** Into the project; a template brings its reference, else the first image becomes it. */
  async function open(files: readonly File[]) {
    try {
      const results = await upload.send(files);
      for (const one of results) if (one.error) notify(one.error, 'bad');
      const template = results.find((one) => one.kind === 'template' && !one.error);
      const image = results.find((one) => one.kind === 'image' && one.image)?.image;
      const now = template ? (await latest.refetch()).data : null;
      if (template?.image && now) {
        load(now, template.image);
        notify(t.template.opened(templateOf(now).regions.length), 'good');
      } else if (image) await choose(image);
      else if (!results.some((one) => one.error)) notify(t.template.noImageCame, 'bad');
    } catch (error) {
      notify(errorText(error), 'bad');
    }
  }

  async function save() {
    if (!reference || saving.isPending) return;
    const { doc } = editor;
    try {
      // Somebody may have saved since; who saves a second time has read the notice.
      const now = (await latest.refetch()).data ?? null;
      if (now && now.id !== row?.id) {
        notify(t.template.notOver(now.version, now.created_by), 'bad');
        return;
      }
      const template = makeTemplate(reference, settings, doc);
      const saved = await saving.mutateAsync({ referenceId: reference.id, template });
      setKnown({ doc, settings, referenceId: reference.id, row: saved });
      notify(
        (doc.regions.length > 0 ? t.template.saved : t.template.savedWhole)(saved.version),
        'good',
      );
    } catch (error) {
      notify(errorText(error), 'bad');
    }
  }

  function download() {
    if (!reference) return;
    try {
      saveText('template.json', templateText(makeTemplate(reference, settings, editor.doc)));
    } catch (error) {
      notify(errorText(error), 'bad');
    }
  }

  return {
    isLoading: latest.isPending || (row !== null && reference === null && !onServer.error),
    error: latest.error ?? onServer.error,
    reference,
    settings,
    setSettings,
    isChanged,
    isSaving: saving.isPending,
    version: known?.row?.version ?? null,
    newer: isNewer && isChanged ? row : null,
    loadNewer: () => row && onServer.data && load(row, onServer.data),
    uploading: upload.progress,
    open,
    choose,
    doubted,
    takeDoubted: () => {
      setDoubted(null);
      if (doubted) drawOn(doubted.image);
    },
    leaveDoubted: () => setDoubted(null),
    save,
    download,
  };
}
