package nlp

import "strings"

// pullPhrases are the ways to say that an image does not come: who fails, how, and at what.
func pullPhrases() string {
	var out []string
	for _, fails := range []string{"can not", "could not", "do not", "does not", "unable to", "not able to", "fail to", "fails to", "failing to", "failed to", "waiting to", "trying to", "struggling to", "stuck trying to"} {
		for _, gets := range []string{"pull", "fetch", "get", "download", "load"} {
			for _, what := range []string{"their image", "its image", "their images", "the image", "an image", "images", "their container image", "the container image"} {
				out = append(out, fails+" "+gets+" "+what)
			}
		}
	}
	for _, stuck := range []string{"blocked", "stuck", "hanging", "failing", "fail", "failed", "waiting", "choking", "hung"} {
		for _, on := range []string{"on", "at", "in", "with", "by", "during", "while", "for", "on the", "in the", "on an", "at the"} {
			for _, what := range []string{"image pull", "image pulls", "image pulling", "pulling", "pulling images", "pulling an image", "pulling the image", "pulling their image", "pulling their images", "imagepull"} {
				out = append(out, stuck+" "+on+" "+what)
			}
		}
	}
	return strings.Join(append(out, "whose image can not be pulled", "image is not found", "whose image is missing", "missing images", "missing their image", "without an image"), ", ")
}
