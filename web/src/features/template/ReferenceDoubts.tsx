/** What speaks against the reference: asked before an image becomes it, and said while it is. */

import { Button } from '../../components/Button';
import { Dialog } from '../../components/Dialog';
import { pageLink } from '../../data/links';
import { useProject } from '../../data/projects';
import type { AsReference } from '../../data/templates';
import { t } from '../../texts';
import type { Reference } from './useTemplateState';

type Finding = AsReference['findings'][number];
const texts = t.template.doubts;

type DialogProps = {
  readonly image: Reference;
  readonly findings: readonly Finding[];
  readonly onGo: () => void;
  readonly onClose: () => void;
};

export function ReferenceDialog({ image, findings, onGo, onClose }: DialogProps) {
  return (
    <Dialog
      title={texts.title(image.name)}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onGo}>{texts.go}</Button>
          <Button look="primary" onClick={onClose}>
            {texts.back}
          </Button>
        </>
      }
    >
      {findings.map((one) => (
        <p key={one.topic}>{one.words}</p>
      ))}
    </Dialog>
  );
}

type NoticeProps = {
  readonly found: AsReference | undefined;
  readonly reference: Reference;
};

/** What must not be overlooked while the template is drawn. */
export function ReferenceNotice({ found, reference }: NoticeProps) {
  const told = found?.findings.filter((one) => one.level !== 'note') ?? [];
  return told.map((one) => (
    <div key={one.topic} className="notice notice-warn" role="status">
      <p>{one.words}</p>
      {one.topic === 'sizes' && found && (
        <OtherSizes count={found.other_sizes} reference={reference} />
      )}
    </div>
  ));
}

type OtherSizesProps = { readonly count: number; readonly reference: Reference };

/** To these images alone. */
export function OtherSizes({ count, reference }: OtherSizesProps) {
  const { id } = useProject();
  const size = `${reference.width}x${reference.height}`;
  return <a href={pageLink(id, 'annotate', `other-size/${size}`)}>{texts.show(count)}</a>;
}
