package nlp

// Unguarded translates without what keeps a fault to its sentence.
var Unguarded = translate
