/** One image large, and the odd place enlarged. */

import type { ImageOut } from '../../api/schema';
import { Button } from '../../components/Button';
import { Dialog } from '../../components/Dialog';
import { RingedPicture } from '../../components/RingedPicture';
import { viewUrl } from '../../data/images';
import { useProject } from '../../data/projects';
import { t } from '../../texts';
import type { TopicName } from './report';
import { useDecisions } from './useDecisions';

type CloserProps = {
  readonly name: string;
  readonly imageId: string;
  readonly image: ImageOut | null;
  readonly placeXy: readonly [number, number] | undefined;
  readonly topic: TopicName;
  readonly onClose: () => void;
};

const AROUND_SHARE = 0.22;

export function Closer({ name, imageId, image, placeXy, topic, onClose }: CloserProps) {
  const { id: projectId } = useProject();
  const decisions = useDecisions();
  const src = viewUrl(projectId, imageId);
  const texts = t.health.closer;
  const decide = (decision: 'leave_out' | 'keep') => {
    decisions.decide([imageId], decision, topic);
    onClose();
  };
  return (
    <Dialog
      title={texts.title(name)}
      onClose={onClose}
      actions={
        <>
          <Button disabled={!decisions.mayDecide} onClick={() => decide('leave_out')}>
            {t.health.tile.leaveOut}
          </Button>
          <Button disabled={!decisions.mayDecide} onClick={() => decide('keep')}>
            {t.health.tile.keep}
          </Button>
        </>
      }
    >
      <div className="closer roomy">
        <figure>
          <RingedPicture
            src={src}
            alt={placeXy ? texts.whole : texts.plain}
            size={image}
            placeXy={placeXy}
          />
          <figcaption>{placeXy ? texts.whole : texts.plain}</figcaption>
        </figure>
        {placeXy && image && (
          <figure>
            <RingedPicture
              src={src}
              alt={texts.place}
              size={image}
              placeXy={placeXy}
              around={AROUND_SHARE * Math.max(image.width, image.height)}
            />
            <figcaption>{texts.place}</figcaption>
          </figure>
        )}
      </div>
    </Dialog>
  );
}
